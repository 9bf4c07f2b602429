{{ clearbooks.staged('transactions') }}
