{{ config(enabled=var('clearbooks_unified', false)) }}
-- Expenses.
{{ clearbooks.unified_documents("d.kind = 'expense'") }}
