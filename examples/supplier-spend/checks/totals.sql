-- Sums of money: the file against the ledger
--   source    the warehouse, attached; its spend_file is the file as it is
--   ledger    what the tap read back, attached
--   business  the business in the ledger
WITH written AS (
    SELECT 1 AS sign, net::DECIMAL(18, 2) AS net, vat::DECIMAL(18, 2) AS vat,
        gross::DECIMAL(18, 2) AS gross, due::DECIMAL(18, 2) AS due
    FROM ledger.bills
    WHERE businessId = getvariable('business')
    UNION ALL
    SELECT -1, net::DECIMAL(18, 2), vat::DECIMAL(18, 2), gross::DECIMAL(18, 2),
        due::DECIMAL(18, 2)
    FROM ledger.purchase_credit_notes
    WHERE businessId = getvariable('business')
),

paid AS (
    SELECT -amount::DECIMAL(18, 2) AS amount
    FROM ledger.payments
    WHERE businessId = getvariable('business')
),

allocated AS (
    SELECT amount::DECIMAL(18, 2) AS amount
    FROM ledger.purchase_allocations
    WHERE businessId = getvariable('business')
),

pair AS (
    SELECT 1 AS place, 'net' AS what, (SELECT sum(Amount) FROM source.spend_file) AS source,
        (SELECT sum(sign * net) FROM written) AS ledger
    UNION ALL
    SELECT 2, 'VAT', 0, (SELECT sum(sign * vat) FROM written)
    UNION ALL
    SELECT 3, 'gross', (SELECT sum(Amount) FROM source.spend_file),
        (SELECT sum(sign * gross) FROM written)
    UNION ALL
    SELECT 4, 'paid', (SELECT -sum(amount) FROM source.payments), (SELECT sum(amount) FROM paid)
    UNION ALL
    SELECT 5, 'allocated', (SELECT sum(amount) FROM source.purchase_allocations),
        (SELECT sum(amount) FROM allocated)
    UNION ALL
    -- Below 0: credit of suppliers whose bills it exceeds.
    SELECT 6, 'still due',
        (SELECT sum(Amount) FROM source.spend_file)
            - (SELECT coalesce(sum(amount), 0) FROM source.payment_part),
        (SELECT sum(sign * due) FROM written)
)

SELECT what, source::DECIMAL(18, 2) AS file, ledger::DECIMAL(18, 2) AS ledger
FROM pair
ORDER BY place
