-- One supplier for all spellings, called by the one that is used most.
CREATE OR REPLACE TABLE suppliers AS
SELECT
    supplier AS externalId,
    mode(vendor ORDER BY row) AS name
FROM spend_row
GROUP BY supplier
ORDER BY supplier;

-- Accounts that the ledger does not have from the start.
CREATE OR REPLACE TABLE account_codes AS
SELECT
    account AS externalId,
    account AS name,
    any_value(heading) AS heading,
    true AS purchases,
    '0.00:Out' AS defaultVatRate
FROM account
WHERE heading IS NOT NULL AND code IN (SELECT code FROM spend_row)
GROUP BY account
ORDER BY account;
