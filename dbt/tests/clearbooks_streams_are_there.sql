-- Not one stream of the tap is a table in the schema that is read: all reports would be empty, and
-- every other test would pass.
-- depends_on: {{ ref('stg_clearbooks__transaction_lines') }}
{%- if execute and flags.WHICH in ['build', 'test'] -%}
  {%- set ns = namespace(found=false, schema='') -%}
  {%- for node in graph.sources.values() if node.source_name == 'clearbooks' and not ns.found -%}
    {%- set ns.schema = node.schema -%}
    {%- set ns.found = adapter.get_relation(node.database, node.schema, node.identifier) is not none -%}
  {%- endfor -%}
  {%- if not ns.found -%}
    {%- do exceptions.raise_compiler_error(
      "the schema '" ~ ns.schema ~ "' holds no table of tap-clearbooks: load a ledger first, or let the "
      ~ "variable clearbooks_schema name the schema that the loader wrote into"
    ) -%}
  {%- endif -%}
{%- endif %}
select 1 as nothing where 1 = 0
