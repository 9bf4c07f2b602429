{{ config(enabled=var('clearbooks_unified')) }}
-- Invoices (type `invoice`) and bills (type `bill`), with what is open of them by their allocations.
{{ clearbooks.unified_documents("d.kind in ('invoice', 'bill')") }}
