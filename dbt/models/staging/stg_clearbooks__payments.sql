{{ clearbooks.staged('payments') }}
