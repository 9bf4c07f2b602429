-- One file of JSON lines a stream; the number before the name is the order they are read in.
COPY (SELECT * FROM account_codes) TO 'records/1.account_codes.jsonl' (FORMAT json);
COPY (SELECT * FROM suppliers) TO 'records/2.suppliers.jsonl' (FORMAT json);
COPY (SELECT * FROM bills) TO 'records/3.bills.jsonl' (FORMAT json);
COPY (SELECT * FROM purchase_credit_notes) TO 'records/4.purchase_credit_notes.jsonl'
(FORMAT json);
COPY (SELECT * FROM payments) TO 'records/5.payments.jsonl' (FORMAT json);
COPY (SELECT * FROM purchase_allocations) TO 'records/6.purchase_allocations.jsonl'
(FORMAT json);
