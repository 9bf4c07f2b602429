{{ config(enabled=var('clearbooks_unified')) }}
-- VAT rates. One that goes with several treatments is here once for each of them.
select
    {{ clearbooks.unified_id('tax_rate', "vat_type || '-' || vat_treatment || '-' || key") }} as id,
    key as code, name as description, rate as total_tax_rate, rate as effective_tax_rate,
    'active' as status, business_id as company
from {{ ref('stg_clearbooks__vat_rates') }}
