-- Income and expenses by month. `amount` is what the account adds to the profit: income is positive,
-- costs are negative, and the sum is the profit. A year end within a month makes two rows of it.
with monthly as (
    select
        business_id, {{ clearbooks.year_start('date') }} as year_start,
        {{ clearbooks.month_end('date') }} as month_end, account_id, {{ clearbooks.total('-amount') }} as amount
    from {{ ref('int_clearbooks__movements') }}
    where not is_opening
    group by 1, 2, 3, 4
)

select
    m.business_id, m.year_start, m.month_end, m.account_id, a.name as account, a.class, a.section, a.position,
    m.amount,
    cast(sum(m.amount) over (
        partition by m.business_id, m.year_start, m.account_id order by m.month_end
    ) as decimal(18, 2)) as year_to_date
from monthly as m
inner join {{ ref('int_clearbooks__accounts') }} as a
    on a.business_id = m.business_id and a.account_id = m.account_id
where a.class in ('income', 'expense', 'unmapped')
