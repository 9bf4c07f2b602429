-- The days that reports are made for: the end of every month in which something was posted, the ends
-- of the financial years that hold them, today, and those of `clearbooks_as_at`. Between two of them
-- no balance moves, and a mistyped year adds no thousand months.
with posted as (
    select distinct business_id, {{ clearbooks.month_end('date') }} as date
    from {{ ref('int_clearbooks__movements') }} where not is_opening
),

starts as (
    select business_id, date, {{ clearbooks.year_start('date') }} as year_start from posted
),

days as (
    select business_id, date from starts
    union
    select business_id, cast(year_start - interval '1 day' as date) from starts
    union
    select business_id, date from {{ ref('int_clearbooks__movements') }} where is_opening
    {% for day in ['current_date'] + clearbooks.days_of_variable() %}
    union
    select business_id, {{ day }} from posted
    {% endfor %}
),

begun as (
    select business_id, min(date) as first_date from {{ ref('int_clearbooks__movements') }} group by business_id
)

select
    business_id, date, {{ clearbooks.year_start('date') }} as year_start,
    lag(date) over (partition by business_id order by date) as previous_date,
    date = {{ clearbooks.month_end('date') }} as is_month_end
from days
inner join begun using (business_id)
where date >= first_date
