{{ clearbooks.staged('sales_credit_notes') }}
