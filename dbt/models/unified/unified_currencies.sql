{{ config(enabled=var('clearbooks_unified')) }}
-- Currencies that documents and payments have.
select distinct business_id as company, currency as code from {{ ref('int_clearbooks__open_items') }}
