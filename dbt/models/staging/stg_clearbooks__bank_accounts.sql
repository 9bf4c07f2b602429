{{ clearbooks.staged('bank_accounts') }}
