-- VAT treatments of documents that the seed of boxes knows neither by key nor by name.
select distinct business_id, side, vat_treatment
from {{ ref('int_clearbooks__vat_lines') }}
where not is_mapped
