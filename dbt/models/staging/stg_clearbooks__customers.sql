{{ clearbooks.staged('customers') }}
