-- Every transaction has its debits and credits.
select business_id, transaction_id, sum(amount) as difference
from {{ ref('stg_clearbooks__transaction_lines') }}
group by business_id, transaction_id
having sum(amount) <> 0
