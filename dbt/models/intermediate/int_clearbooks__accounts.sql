-- Accounts with class and section: the chart, and whatever has postings. The API has neither class
-- nor section, so they come from the ranges of a seed. What fits none of them is `unmapped`, stays in
-- every report, and fails a test where something is posted to it.
with accounts as (
    select
        business_id, id as account_id, name,
        coalesce(heading, cast(floor(id / 1000) as bigint)) as heading, true as is_in_chart
    from {{ ref('stg_clearbooks__account_codes') }}
    union all
    select distinct
        l.business_id, l.account_code_id, cast(null as varchar),
        cast(floor(l.account_code_id / 1000) as bigint), false
    from {{ ref('stg_clearbooks__transaction_lines') }} as l
    left join {{ ref('stg_clearbooks__account_codes') }} as c
        on c.business_id = l.business_id and c.id = l.account_code_id
    where c.id is null
),

-- A row for the account itself stands above ranges, a narrow range above a wide one.
mapped as (
    select
        a.*, h.class, h.section, h.position,
        row_number() over (
            partition by a.business_id, a.account_id
            order by case when h.account_id is not null then 0 else 1 end, h.last_heading - h.first_heading, h.position
        ) as place
    from accounts as a
    left join {{ ref(var('clearbooks_account_headings')) }} as h
        on h.account_id = a.account_id
        or (h.account_id is null and a.heading between h.first_heading and h.last_heading)
)

select
    m.business_id, m.account_id, m.name, m.heading, coalesce(m.class, 'unmapped') as class,
    coalesce(m.section, 'Unmapped') as section, coalesce(m.position, 999) as position,
    coalesce(m.class, 'unmapped') in ('income', 'expense') as is_profit_and_loss,
    m.is_in_chart, r.role
from mapped as m
left join {{ ref('int_clearbooks__control_accounts') }} as r
    on r.business_id = m.business_id and r.account_id = m.account_id
where m.place = 1
