{{ clearbooks.staged('purchase_attachments') }}
