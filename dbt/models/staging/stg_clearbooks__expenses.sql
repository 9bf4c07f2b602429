{{ clearbooks.staged('expenses') }}
