{#- What customers owe, or what is owed to suppliers, at every report date, by how long it is overdue.
    Credit that is not allocated stands in a column of its own. A foreign item that is paid may keep
    pennies at home: they are `rounding`, or the total could not be that of the control account. -#}
{% macro aged(side) %}
with items as (
    select *, date - date_due as days_overdue
    from {{ ref('int_clearbooks__open_balances') }}
    where side = '{{ side }}'
),

buckets as (
    select
        *,
        case
            when balance = 0 then 'rounding'
            when balance < 0 then 'unallocated'
            when days_overdue <= 0 then 'not_due'
            when days_overdue <= 30 then 'days_1_30'
            when days_overdue <= 60 then 'days_31_60'
            when days_overdue <= 90 then 'days_61_90'
            else 'days_over_90'
        end as bucket
    from items
)

select
    b.business_id, b.date, b.contact_id, c.name as contact
    {%- for bucket in ['not_due', 'days_1_30', 'days_31_60', 'days_61_90', 'days_over_90', 'unallocated', 'rounding'] %},
    {{ clearbooks.total("case when b.bucket = '" ~ bucket ~ "' then b.home_balance end") }} as {{ bucket }}
    {%- endfor %},
    {{ clearbooks.total('b.home_balance') }} as total,
    min(case when b.balance > 0 then b.date_due end) as oldest_due
from buckets as b
left join {{ ref('int_clearbooks__contacts') }} as c
    on c.business_id = b.business_id and c.side = b.side and c.id = b.contact_id
group by b.business_id, b.date, b.contact_id, c.name
{% endmacro %}
