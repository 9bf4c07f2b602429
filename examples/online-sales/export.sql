-- One file of JSON lines a stream; the number before the name is the order they are read in.
COPY (SELECT * FROM bank_accounts) TO 'records/1.bank_accounts.jsonl' (FORMAT json);
COPY (SELECT * FROM customers) TO 'records/2.customers.jsonl' (FORMAT json);
COPY (SELECT * FROM sales_invoices) TO 'records/3.sales_invoices.jsonl' (FORMAT json);
COPY (SELECT * FROM sales_credit_notes) TO 'records/4.sales_credit_notes.jsonl' (FORMAT json);
COPY (SELECT * FROM payments) TO 'records/5.payments.jsonl' (FORMAT json);
COPY (SELECT * FROM sales_allocations) TO 'records/6.sales_allocations.jsonl' (FORMAT json);
