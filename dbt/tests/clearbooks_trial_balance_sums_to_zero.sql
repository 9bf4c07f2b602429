-- Debits equal credits at every report date, as posted and rolled up.
select business_id, date, sum(balance) as balance, sum(rolled) as rolled
from {{ ref('trial_balance') }}
group by business_id, date
having sum(balance) <> 0 or sum(rolled) <> 0 or sum(debit) <> sum(credit)
