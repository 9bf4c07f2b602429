{{ clearbooks.staged('account_codes') }}
