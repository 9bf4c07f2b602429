-- What a transaction posted, as one text to compare, and the same with signs turned.
select
    business_id, transaction_id, min(accounting_date) as accounting_date,
    string_agg(account_id || ':' || amount, ',' order by account_id) as signature,
    string_agg(account_id || ':' || -amount, ',' order by account_id) as opposite
from {{ ref('int_clearbooks__transaction_accounts') }}
group by business_id, transaction_id
