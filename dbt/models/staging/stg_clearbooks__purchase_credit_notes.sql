{{ clearbooks.staged('purchase_credit_notes') }}
