{{ clearbooks.staged('vat_rates') }}
