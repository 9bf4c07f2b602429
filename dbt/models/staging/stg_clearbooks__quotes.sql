{{ clearbooks.staged('quotes') }}
