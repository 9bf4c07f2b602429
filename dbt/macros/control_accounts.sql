{#- The account that `clearbooks_control_accounts` names for a row's `business_id` and `role`: the
    variable maps roles to accounts, or businesses to such mappings. -#}
{% macro overruled_control_account() -%}
    {%- set named = var('clearbooks_control_accounts') -%}
    case
    {%- for key, value in named.items() %}
        {%- if value is mapping %}
            {%- for role, account in value.items() %}
        when business_id = {{ key }} and role = '{{ role }}' then {{ account }}
            {%- endfor %}
        {%- else %}
        when role = '{{ key }}' then {{ value }}
        {%- endif %}
    {%- endfor %}
        when false then 0
    end
{%- endmacro %}
