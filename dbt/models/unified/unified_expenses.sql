-- Expenses.
{{ clearbooks.unified_documents("d.kind = 'expense'") }}
