{{ config(enabled=var('clearbooks_unified')) }}
-- Credit notes given to customers.
{{ clearbooks.unified_documents("d.kind = 'credit_note' and d.side = 'sales'") }}
