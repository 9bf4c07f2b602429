{{ config(enabled=var('clearbooks_unified')) }}
-- Customers and suppliers.
select
    {{ clearbooks.unified_id('contact', "side || '-' || id") }} as id, name,
    side = 'purchases' as is_supplier, side = 'sales' as is_customer, email as email_address,
    vat_number as tax_number, case when archived then 'archived' else 'active' end as status,
    phone as phone_number, address_line1 as street_1, address_line2 as street_2, address_town as city,
    address_county as state, address_postcode as zip_code, address_country_code as country,
    external_id as remote_id, business_id as company, {{ clearbooks.unknown(['currency', 'created_at', 'updated_at']) }}
from {{ ref('int_clearbooks__contacts') }}
