-- Trial balance: what every account of a business has come to; debits and credits cancel out
SELECT
    line.businessId AS business,
    account.id::VARCHAR AS code,
    account.name AS account,
    greatest(sum(line.amount::DECIMAL(18, 2)), 0) AS debit,
    greatest(-sum(line.amount::DECIMAL(18, 2)), 0) AS credit
FROM transaction_lines AS line
JOIN account_codes AS account
    ON account.businessId = line.businessId AND account.id = line.accountCodeId
GROUP BY line.businessId, account.id, account.name
HAVING sum(line.amount::DECIMAL(18, 2)) <> 0
ORDER BY business, debit + credit DESC, code
