{#- An amount in home currency. The API's rates are units of the currency for one pound. The quotient
    is cut to 8 places before it is rounded: DuckDB divides decimals as binary numbers, and half a
    penny would go either way. -#}
{% macro to_home(amount, rate) -%}
    cast(
        case when {{ rate }} = 1 then {{ amount }}
        else round(cast({{ amount }} / {{ rate }} as decimal(28, 8)), 2) end
        as decimal(18, 2)
    )
{%- endmacro %}

{#- A sum of amounts as decimal(18, 2): databases widen sums, each in its own way. -#}
{% macro total(expression) -%}
    cast(coalesce(sum({{ expression }}), 0) as decimal(18, 2))
{%- endmacro %}

{#- The per cent of a VAT rate key such as `17.50:Standard`; null for `Manual`. -#}
{% macro percent_of(key) -%}
    case when {{ key }} like '%:%' then cast(split_part({{ key }}, ':', 1) as decimal(9, 4)) end
{%- endmacro %}

{#- A percentage of an amount, rounded to the penny. Wide, or DuckDB's product would overflow; times
    0.01, since its quotients are binary. -#}
{% macro share_of(amount, percent) -%}
    cast(round(cast({{ amount }} as decimal(24, 2)) * {{ percent }} * 0.01, 2) as decimal(18, 2))
{%- endmacro %}
