{#- An ID that is one within all businesses and kinds. -#}
{% macro unified_id(kind, id) -%}
    case when {{ id }} is not null then business_id || '-{{ kind }}-' || {{ id }} end
{%- endmacro %}

{#- Fields that the models have and Clear Books' API has nothing for. -#}
{% macro unknown(names, data_type='varchar') -%}
    {%- for name in names %}cast(null as {{ data_type }}) as {{ name }}{{ ', ' if not loop.last }}{% endfor -%}
{%- endmacro %}
