{{ clearbooks.staged('stock_items') }}
