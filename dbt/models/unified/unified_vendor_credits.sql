{{ config(enabled=var('clearbooks_unified')) }}
-- Credit notes received from suppliers.
{{ clearbooks.unified_documents("d.kind = 'credit_note' and d.side = 'purchases'") }}
