{{ clearbooks.staged('sales_attachments') }}
