{{ clearbooks.staged('bills') }}
