-- A model on top of the package's.
select business_id, year_start, sum(amount) as profit
from {{ ref('profit_and_loss') }}
group by business_id, year_start
