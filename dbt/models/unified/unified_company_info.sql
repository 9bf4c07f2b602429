{{ config(enabled=var('clearbooks_unified')) }}
-- Businesses. The year end is that of the package's variable, since the API has none.
select
    business_id as id, name, name as legal_name, type as business_type,
    cast(extract(month from {{ clearbooks.year_start('current_date') }} - 1) as integer) as fiscal_year_end_month,
    cast(extract(day from {{ clearbooks.year_start('current_date') }} - 1) as integer) as fiscal_year_end_day,
    '{{ var("clearbooks_home_currency") }}' as currency,
    address_building, address_line1 as street_1, address_line2 as street_2, address_town as city,
    address_county as state, address_postcode as zip_code, address_country_code as country,
    {{ clearbooks.unknown(['tax_number', 'created_at', 'updated_at']) }}
from {{ ref('stg_clearbooks__businesses') }}
