-- Assets equal liabilities and equity at every report date.
select business_id, date, sum(balance) as difference
from {{ ref('balance_sheet') }}
group by business_id, date
having sum(balance) <> 0
