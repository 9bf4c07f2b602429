{#- One stream of the tap as typed columns. The model's YAML, generated from the API's contract, says
    which: each column has a `data_type` and in `meta` the field, and for a part of an object its
    path. What was not selected is null, and a stream that was not selected is an empty relation, so
    that no switches are needed. Records that left the ledger (tombstones) are left out. -#}
{% macro staged(stream) %}
{%- set relation = source('clearbooks', stream) -%}
{%- set found = none -%}
{%- set present = {} -%}
{%- if execute -%}
  {%- set found = adapter.get_relation(relation.database, relation.schema, relation.identifier) -%}
  {%- if found -%}
    {%- for column in adapter.get_columns_in_relation(found) -%}
      {%- do present.update({column.name | lower: column.name}) -%}
    {%- endfor -%}
  {%- endif -%}
{%- endif -%}
select
{%- for column in model.columns.values() %}
    {%- set meta = column.config.meta %}
    {%- set name = present.get((meta.field or '') | lower) %}
    {% if not name -%}
      cast(null as {{ clearbooks.type_of(column.data_type) }})
    {%- elif meta.path -%}
      nullif({{ clearbooks.as_json('"' ~ name ~ '"') }} ->> '{{ meta.path }}', '')
    {%- elif column.data_type == 'varchar' -%}
      {#- Some loaders make null of an empty text. -#}
      nullif(cast("{{ name }}" as varchar), '')
    {%- elif column.data_type == 'json' -%}
      {{ clearbooks.as_json('"' ~ name ~ '"') }}
    {%- else -%}
      cast("{{ name }}" as {{ column.data_type }})
    {%- endif %} as {{ column.name }}{{ ',' if not loop.last }}
{%- endfor %}
{% if found -%}
from {{ found }}
    {%- for mark in ['_sdc_deleted_at', '_ab_cdc_deleted_at'] if mark in present %}
where "{{ present[mark] }}" is null
    {%- endfor %}
{%- else -%}
where false
{%- endif %}
{% endmacro %}

{#- IDs of the records of a stream that left the ledger: the loader has their tombstones. -#}
{% macro departed(stream) %}
{%- set relation = source('clearbooks', stream) -%}
{%- set ns = namespace(condition='false') -%}
{%- set found = adapter.get_relation(relation.database, relation.schema, relation.identifier) if execute -%}
{%- if found -%}
  {%- for column in adapter.get_columns_in_relation(found) if column.name in ['_sdc_deleted_at', '_ab_cdc_deleted_at'] -%}
    {%- set ns.condition = '"' ~ column.name ~ '" is not null' -%}
  {%- endfor -%}
select cast("businessId" as bigint) as business_id, cast("id" as bigint) as id from {{ found }} where {{ ns.condition }}
{%- else -%}
select cast(null as bigint) as business_id, cast(null as bigint) as id where false
{%- endif %}
{% endmacro %}
