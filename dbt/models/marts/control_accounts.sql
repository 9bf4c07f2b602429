-- The proof: what is open of documents and payments beside the balance of their control account, at
-- every report date. Of foreign items each may be off by a penny, as servers round them differently.
with roles as (
    select 'debtors' as role, 'sales' as side, 1 as sign
    union all
    select 'creditors', 'purchases', -1
),

ledger as (
    select d.business_id, d.date, d.is_month_end, r.role, r.side, c.account_id, coalesce(t.balance, 0) * r.sign as ledger
    from {{ ref('int_clearbooks__report_dates') }} as d
    cross join roles as r
    left join {{ ref('int_clearbooks__control_accounts') }} as c
        on c.business_id = d.business_id and c.role = r.role
    left join {{ ref('trial_balance') }} as t
        on t.business_id = d.business_id and t.date = d.date and t.account_id = c.account_id
),

items as (
    select
        business_id, date, side, {{ clearbooks.total('home_balance') }} as open_items,
        {{ clearbooks.total("case when currency <> '" ~ var('clearbooks_home_currency') ~ "' then 0.01 end") }}
            as tolerance
    from {{ ref('int_clearbooks__open_balances') }}
    group by business_id, date, side
)

select
    l.business_id, l.date, l.is_month_end, l.role, l.account_id, l.ledger,
    coalesce(i.open_items, 0) as open_items, coalesce(i.tolerance, 0) as tolerance,
    l.ledger - coalesce(i.open_items, 0) as difference,
    l.account_id is not null and abs(l.ledger - coalesce(i.open_items, 0)) <= coalesce(i.tolerance, 0) as agrees
from ledger as l
left join items as i
    on i.business_id = l.business_id and i.date = l.date and i.side = l.side
where l.account_id is not null or i.open_items is not null
