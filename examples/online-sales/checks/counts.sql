-- Numbers of records: the file against the ledger, without the documents that have no price
SELECT
    'customers' AS what,
    (
        SELECT count(DISTINCT coalesce(CustomerID, '')) FROM source.sales_file
    ) AS file,
    (SELECT count(*) FROM ledger.customers WHERE businessId = getvariable('business')) AS ledger
UNION ALL
SELECT
    'invoices',
    (
        SELECT count(DISTINCT InvoiceNo) FROM source.sales_file
        WHERE UnitPrice <> 0 AND NOT starts_with(InvoiceNo, 'C')
    ),
    (SELECT count(*) FROM ledger.sales_invoices WHERE businessId = getvariable('business'))
UNION ALL
SELECT
    'credit notes',
    (
        SELECT count(DISTINCT InvoiceNo) FROM source.sales_file
        WHERE UnitPrice <> 0 AND starts_with(InvoiceNo, 'C')
    ),
    (SELECT count(*) FROM ledger.sales_credit_notes WHERE businessId = getvariable('business'))
