-- Trial balance: what every account has come to; debits and credits cancel out
SELECT
    account.id::VARCHAR AS code,
    account.name AS account,
    greatest(sum(line.amount::DECIMAL(18, 2)), 0) AS debit,
    greatest(-sum(line.amount::DECIMAL(18, 2)), 0) AS credit
FROM transaction_lines AS line
JOIN account_codes AS account
    ON account.businessId = line.businessId AND account.id = line.accountCodeId
GROUP BY account.id, account.name
HAVING sum(line.amount::DECIMAL(18, 2)) <> 0
ORDER BY debit + credit DESC, code
