-- Sums of money: the file against the ledger
--   source    the warehouse, attached; its sales_file is the file as it is
--   ledger    what the tap read back, attached
--   business  the business in the ledger
WITH file AS (
    SELECT
        (UnitPrice * sales_file.Quantity)::DECIMAL(18, 2) AS net,
        CASE WHEN is_credit THEN -tax ELSE tax END AS vat
    FROM source.sales_file
    JOIN source.sale_line USING (row)
    -- Without a price there is nothing to invoice: the target refuses it.
    WHERE UnitPrice <> 0
),

written AS (
    SELECT 1 AS sign, net::DECIMAL(18, 2) AS net, vat::DECIMAL(18, 2) AS vat,
        gross::DECIMAL(18, 2) AS gross, due::DECIMAL(18, 2) AS due
    FROM ledger.sales_invoices
    WHERE businessId = getvariable('business')
    UNION ALL
    SELECT -1, net::DECIMAL(18, 2), vat::DECIMAL(18, 2), gross::DECIMAL(18, 2),
        due::DECIMAL(18, 2)
    FROM ledger.sales_credit_notes
    WHERE businessId = getvariable('business')
),

paid AS (
    SELECT amount::DECIMAL(18, 2) AS amount
    FROM ledger.payments
    WHERE businessId = getvariable('business')
),

allocated AS (
    SELECT amount::DECIMAL(18, 2) AS amount
    FROM ledger.sales_allocations
    WHERE businessId = getvariable('business')
),

pair AS (
    SELECT 1 AS place, 'net of VAT' AS what, (SELECT sum(net) FROM file) AS source,
        (SELECT sum(sign * net) FROM written) AS ledger
    UNION ALL
    SELECT 2, 'VAT', (SELECT sum(vat) FROM file), (SELECT sum(sign * vat) FROM written)
    UNION ALL
    SELECT 3, 'gross', (SELECT sum(net + vat) FROM file),
        (SELECT sum(sign * gross) FROM written)
    UNION ALL
    SELECT 4, 'received', (SELECT sum(amount) FROM source.payments),
        (SELECT sum(amount) FROM paid)
    UNION ALL
    SELECT 5, 'allocated', (SELECT sum(amount) FROM source.sales_allocations),
        (SELECT sum(amount) FROM allocated)
    UNION ALL
    -- Allocations take the same from both ends, except receipts, which take only from invoices.
    SELECT 6, 'still due',
        (SELECT sum(net + vat) FROM file)
            - (SELECT coalesce(sum(amount), 0) FROM source.receipt_part),
        (SELECT sum(sign * due) FROM written)
)

SELECT what, source::DECIMAL(18, 2) AS file, ledger::DECIMAL(18, 2) AS ledger
FROM pair
ORDER BY place
