-- What is owed to suppliers at every report date, by age. The total is that of the creditors control
-- account, with its sign turned.
{{ clearbooks.aged('purchases') }}
