{{ config(enabled=var('clearbooks_unified')) }}
-- Expenses.
{{ clearbooks.unified_documents("d.kind = 'expense'") }}
