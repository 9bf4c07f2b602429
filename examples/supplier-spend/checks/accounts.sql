-- Every account, as it follows from the file, against the trial balance of the ledger
WITH posting AS (
    SELECT account.account, file.Amount AS amount
    FROM source.spend_file AS file
    LEFT JOIN source.account ON account.code = file.AccountCode
    UNION ALL
    SELECT 'Trade creditors', -Amount FROM source.spend_file
    UNION ALL
    SELECT bankAccount, amount FROM source.payments
    UNION ALL
    SELECT 'Trade creditors', -amount FROM source.payments
),

expected AS (
    SELECT account, sum(amount) AS balance
    FROM posting
    GROUP BY account
    HAVING balance <> 0
),

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
