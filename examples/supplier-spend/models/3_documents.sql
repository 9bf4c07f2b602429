-- Bills and credit notes: the rows of one document of a supplier on one day. The file names no
-- VAT, so its amounts are taken as outside the scope.
CREATE OR REPLACE TABLE document AS
SELECT
    -- The supplier's number and the first row of the file: suppliers share numbers.
    document || '/' || min(row) AS number,
    supplier,
    date,
    is_credit,
    sum(amount)::DECIMAL(18, 2) AS gross,
    list({
        'description': spend_row.description,
        'unitPrice': amount,
        'quantity': 1,
        -- A code that accounts.csv does not know has no account: the target says which it is.
        'accountCode': coalesce(account.account, 'unknown: ' || spend_row.description),
        'vatRate': 'Outside the scope of VAT'
    } ORDER BY row) AS lineItems
FROM spend_row
LEFT JOIN account USING (code)
GROUP BY supplier, document, date, is_credit;

CREATE OR REPLACE TABLE bills AS
SELECT
    number AS externalId,
    {'externalId': supplier} AS supplier,
    number AS reference,
    date,
    date AS dateDue,
    'UK' AS vatTreatment,
    lineItems,
    gross
FROM document
WHERE NOT is_credit
ORDER BY number;

CREATE OR REPLACE TABLE purchase_credit_notes AS
SELECT
    number AS externalId,
    {'externalId': supplier} AS supplier,
    number AS reference,
    date,
    'UK' AS vatTreatment,
    lineItems,
    gross
FROM document
WHERE is_credit
ORDER BY number;
