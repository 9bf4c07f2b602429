{{ clearbooks.staged('suppliers') }}
