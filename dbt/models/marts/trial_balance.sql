-- Every account at every report date. `balance` is the sum of all postings, as the API's account
-- balances have it: Clear Books posts nothing at the end of a year. Its own report rolls up: `rolled`
-- has of income and expenses the financial year alone, and the profit of ended years in one row.
with moved as (
    select
        m.business_id, d.date, d.year_start, m.account_id, {{ clearbooks.total('m.amount') }} as amount
    from {{ ref('int_clearbooks__movements') }} as m
    inner join {{ ref('int_clearbooks__report_dates') }} as d
        on d.business_id = m.business_id and m.date <= d.date
        and (d.previous_date is null or m.date > d.previous_date)
    group by m.business_id, d.date, d.year_start, m.account_id
),

cells as (
    select a.business_id, d.date, d.year_start, a.account_id
    from (select distinct business_id, account_id from moved) as a
    inner join {{ ref('int_clearbooks__report_dates') }} as d on d.business_id = a.business_id
),

summed as (
    select
        c.business_id, c.date, c.year_start, c.account_id,
        cast(sum(coalesce(m.amount, 0)) over (
            partition by c.business_id, c.account_id order by c.date
        ) as decimal(18, 2)) as balance,
        cast(sum(coalesce(m.amount, 0)) over (
            partition by c.business_id, c.account_id, c.year_start order by c.date
        ) as decimal(18, 2)) as this_year
    from cells as c
    left join moved as m
        on m.business_id = c.business_id and m.date = c.date and m.account_id = c.account_id
),

named as (
    select
        s.business_id, s.date, s.year_start, s.account_id, a.name as account, a.class, a.section, a.position,
        s.balance, case when a.is_profit_and_loss then s.this_year else s.balance end as rolled
    from summed as s
    inner join {{ ref('int_clearbooks__accounts') }} as a
        on a.business_id = s.business_id and a.account_id = s.account_id
    where s.balance <> 0 or s.this_year <> 0
)

select
    business_id, date, year_start, account_id, account, class, section, position,
    greatest(balance, 0) as debit, greatest(-balance, 0) as credit, balance, rolled
from named
union all
select
    business_id, date, year_start, null, 'Profit of ended years', 'equity', 'Profit of ended years', 330,
    0, 0, 0, {{ clearbooks.total('balance - rolled') }}
from named
group by business_id, date, year_start
