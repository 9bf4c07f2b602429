-- Numbers of records: the file against the ledger
SELECT
    'rows of the file, lines of the ledger' AS what,
    (SELECT count(*) FROM source.spend_file) AS file,
    (
        SELECT count(*)
        FROM (
            SELECT unnest(from_json(lineItems, '["JSON"]')) FROM (
                SELECT businessId, lineItems FROM ledger.bills
                UNION ALL
                SELECT businessId, lineItems FROM ledger.purchase_credit_notes
            )
            WHERE businessId = getvariable('business')
        )
    ) AS ledger
UNION ALL
SELECT
    'suppliers, spellings made one',
    (SELECT count(DISTINCT supplier) FROM source.spend_row),
    (SELECT count(*) FROM ledger.suppliers WHERE businessId = getvariable('business'))
UNION ALL
SELECT
    'bills',
    (SELECT count(*) FROM source.bills),
    (SELECT count(*) FROM ledger.bills WHERE businessId = getvariable('business'))
UNION ALL
SELECT
    'credit notes',
    (SELECT count(*) FROM source.purchase_credit_notes),
    (
        SELECT count(*) FROM ledger.purchase_credit_notes
        WHERE businessId = getvariable('business')
    )
