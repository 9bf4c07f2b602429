{#- What DuckDB and PostgreSQL write differently. -#}

{% macro as_json(column) %}{{ return(adapter.dispatch('as_json', 'clearbooks')(column)) }}{% endmacro %}
{% macro default__as_json(column) %}cast({{ column }} as json){% endmacro %}
{#- target-postgres makes arrays of jsonb (`jsonb[]`), others one jsonb. -#}
{% macro postgres__as_json(column) %}to_jsonb({{ column }}){% endmacro %}

{% macro type_of(data_type) %}{{ return(adapter.dispatch('type_of', 'clearbooks')(data_type)) }}{% endmacro %}
{% macro default__type_of(data_type) %}{{ data_type }}{% endmacro %}
{% macro postgres__type_of(data_type) %}{{ 'jsonb' if data_type == 'json' else data_type }}{% endmacro %}

{#- The elements of a JSON array as rows: the columns `keys`, then `line_number` from 1, then the
    `fields`, each [name in the element, column, type]. DuckDB reads an element once for all of them. -#}
{% macro unnest_json(relation, keys, array, fields) %}
    {{ return(adapter.dispatch('unnest_json', 'clearbooks')(relation, keys, array, fields)) }}
{% endmacro %}
{% macro default__unnest_json(relation, keys, array, fields) %}
    {%- set types = {} -%}
    {%- for name, column, type in fields -%}{%- do types.update({name: type}) -%}{%- endfor %}
    select
        {{ keys | join(', ') }}, line_number
        {%- for name, column, type in fields %}, item."{{ name }}" as {{ column }}{% endfor %}
    from (
        select
            {{ keys | join(', ') }}, cast(generate_subscripts(items, 1) as bigint) as line_number,
            unnest(items) as item
        from (
            select {{ keys | join(', ') }}, from_json({{ array }}, '[{{ tojson(types) }}]') as items
            from {{ relation }}
        ) as arrays
    ) as elements
{% endmacro %}
{% macro postgres__unnest_json(relation, keys, array, fields) %}
    select
        {{ keys | join(', ') }}, line.line_number
        {%- for name, column, type in fields %},
        cast(line.item ->> '{{ name }}' as {{ type }}) as {{ column }}
        {%- endfor %}
    from {{ relation }}
    cross join lateral jsonb_array_elements({{ array }}) with ordinality as line (item, line_number)
    where jsonb_typeof({{ array }}) = 'array'
{% endmacro %}

{#- Without statistics PostgreSQL joins tables that were just made in nested loops. -#}
{% macro analyze() %}{{ return(adapter.dispatch('analyze', 'clearbooks')()) }}{% endmacro %}
{% macro default__analyze() %}{% endmacro %}
{% macro postgres__analyze() %}
    {%- if model.config.materialized == 'table' %}analyze {{ this }}{% endif -%}
{% endmacro %}
