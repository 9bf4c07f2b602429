-- Every account, as it follows from the file, against the trial balance of the ledger
WITH line AS (
    SELECT
        account,
        (UnitPrice * sales_file.Quantity)::DECIMAL(18, 2) AS net,
        CASE WHEN is_credit THEN -tax ELSE tax END AS vat
    FROM source.sales_file
    JOIN source.sale_line USING (row)
    WHERE UnitPrice <> 0
),

posting AS (
    SELECT account, -net AS amount FROM line
    UNION ALL
    SELECT 'VAT control', -vat FROM line
    UNION ALL
    SELECT 'Trade debtors', net + vat FROM line
    UNION ALL
    SELECT bankAccount, amount FROM source.payments
    UNION ALL
    SELECT 'Trade debtors', -amount FROM source.payments
),

expected AS (SELECT account, sum(amount) AS balance FROM posting GROUP BY account),

posted AS (
    SELECT account.name AS account, sum(line.amount::DECIMAL(18, 2)) AS balance
    FROM ledger.transaction_lines AS line
    JOIN ledger.account_codes AS account
        ON account.businessId = line.businessId AND account.id = line.accountCodeId
    WHERE line.businessId = getvariable('business')
    GROUP BY account.name
    HAVING balance <> 0
)

SELECT
    account,
    coalesce(expected.balance, 0)::DECIMAL(18, 2) AS file,
    coalesce(posted.balance, 0)::DECIMAL(18, 2) AS ledger
FROM expected
FULL JOIN posted USING (account)
ORDER BY abs(coalesce(posted.balance, 0)) DESC, account
