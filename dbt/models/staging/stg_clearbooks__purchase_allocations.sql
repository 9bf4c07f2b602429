{{ clearbooks.staged('purchase_allocations') }}
