{{ clearbooks.staged('sales_invoices') }}
