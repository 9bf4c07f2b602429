{{ clearbooks.staged('account_balances') }}
