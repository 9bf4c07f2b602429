{{ clearbooks.staged('sales_allocations') }}
