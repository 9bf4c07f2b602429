-- Invoices and credit notes: the lines of one InvoiceNo, amounts net of VAT.
CREATE OR REPLACE TABLE document AS
SELECT
    number,
    any_value(is_credit) AS is_credit,
    any_value(customer) AS customer,
    any_value(date) AS date,
    any_value(treatment) AS treatment,
    sum(net)::DECIMAL(18, 2) AS net,
    sum(tax)::DECIMAL(18, 2) AS vat,
    sum(net + tax)::DECIMAL(18, 2) AS gross,
    list({
        'description': description,
        'unitPrice': price,
        'quantity': quantity,
        'accountCode': account,
        'vatRate': rate
    } ORDER BY row) AS lineItems
FROM sale_line
GROUP BY number;

CREATE OR REPLACE TABLE sales_invoices AS
SELECT
    number AS externalId,
    {'externalId': customer} AS customer,
    number AS reference,
    number AS documentNumber,
    date,
    -- Cash sales are due at once, the others after 30 days.
    CASE customer WHEN 'CASH' THEN date ELSE date + 30 END AS dateDue,
    treatment AS vatTreatment,
    lineItems,
    -- What it must come to: compared with what the ledger answers.
    net,
    vat,
    gross
FROM document
WHERE NOT is_credit
ORDER BY number;

CREATE OR REPLACE TABLE sales_credit_notes AS
SELECT
    number AS externalId,
    {'externalId': customer} AS customer,
    number AS reference,
    number AS documentNumber,
    date,
    treatment AS vatTreatment,
    lineItems,
    net,
    vat,
    gross
FROM document
WHERE is_credit
ORDER BY number;
