{{ clearbooks.staged('transaction_lines') }}
