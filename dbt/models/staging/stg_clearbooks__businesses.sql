{{ clearbooks.staged('businesses') }}
