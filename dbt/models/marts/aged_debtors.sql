-- What customers owe at every report date, by age. The total is that of the debtors control account.
{{ clearbooks.aged('sales') }}
