{{ clearbooks.staged('vat_treatments') }}
