{% macro month_end(day) -%}
    cast(date_trunc('month', {{ day }}) + interval '1 month' - interval '1 day' as date)
{%- endmacro %}

{#- The first day of the financial year that holds a day. Year ends differ by business, and are not in
    the API. -#}
{% macro year_start(day) -%}
    {{ clearbooks.by_business('clearbooks_year_end', '03-31', clearbooks.year_start_of, day) }}
{%- endmacro %}

{#- The last day of the VAT quarter that holds a day. -#}
{% macro vat_period_end(day) -%}
    {{ clearbooks.by_business('clearbooks_vat_quarter', 1, clearbooks.quarter_end_of, day) }}
{%- endmacro %}

{#- `render(value, day)` for the value of a variable, which may be a mapping by business. -#}
{% macro by_business(name, default, render, day) -%}
    {%- set value = var(name, default) -%}
    {%- if value is mapping -%}
        case business_id
        {%- for business, one in value.items() if business != 'default' %}
            when {{ business }} then {{ render(one, day) }}
        {%- endfor %}
            else {{ render(value.get('default', default), day) }} end
    {%- else -%}
        {{ render(value, day) }}
    {%- endif -%}
{%- endmacro %}

{% macro year_start_of(year_end, day) -%}
    {%- set month, last = (year_end | string).split('-') -%}
    {#- 29 February is the end of the month in every year. -#}
    {%- set last = 28 if (month | int, last | int) == (2, 29) else last | int -%}
    {%- set first = modules.datetime.date(2001, month | int, last) + modules.datetime.timedelta(days=1) -%}
    {%- set year = 'cast(extract(year from ' ~ day ~ ') as int)' -%}
    {%- set this_year = 'make_date(' ~ year ~ ', ' ~ first.month ~ ', ' ~ first.day ~ ')' -%}
    case when {{ day }} >= {{ this_year }} then {{ this_year }}
        else make_date({{ year }} - 1, {{ first.month }}, {{ first.day }}) end
{%- endmacro %}

{% macro quarter_end_of(stagger, day) -%}
    cast(
        date_trunc('month', {{ day }})
        + (1 + (2 + {{ stagger }} - cast(extract(month from {{ day }}) as int) % 3) % 3)
            * interval '1 month'
        - interval '1 day' as date
    )
{%- endmacro %}

{#- Where the period of an opening balance begins. -#}
{% macro first_day_of_all() -%}date '0001-01-01'{%- endmacro %}

{#- The days of `clearbooks_as_at` as SQL. -#}
{% macro days_of_variable() %}
    {%- set days = [] -%}
    {%- for day in var('clearbooks_as_at') -%}{%- do days.append("date '" ~ day ~ "'") -%}{%- endfor -%}
    {{ return(days) }}
{% endmacro %}
