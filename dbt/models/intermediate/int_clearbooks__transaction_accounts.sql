-- What each transaction comes to by account. VAT that a buyer accounts for is posted twice, with
-- either sign, and vanishes here.
select
    business_id, transaction_id, account_code_id as account_id,
    min(accounting_date) as accounting_date, {{ clearbooks.total('amount') }} as amount
from {{ ref('stg_clearbooks__transaction_lines') }}
group by business_id, transaction_id, account_code_id
having sum(amount) <> 0
