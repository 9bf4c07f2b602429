-- The totals of the aged reports are those of the control accounts.
with aged as (
    select business_id, date, 'debtors' as role, total from {{ ref('aged_debtors') }}
    union all
    select business_id, date, 'creditors', total from {{ ref('aged_creditors') }}
)

select c.business_id, c.date, c.role, c.ledger, coalesce(sum(a.total), 0) as total
from {{ ref('control_accounts') }} as c
left join aged as a on a.business_id = c.business_id and a.date = c.date and a.role = c.role
group by c.business_id, c.date, c.role, c.ledger, c.tolerance
having abs(c.ledger - coalesce(sum(a.total), 0)) > c.tolerance
