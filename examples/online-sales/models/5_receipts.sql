-- Money received. The file holds none; this rule stands for your own table of receipts:
-- cash sales are paid on the day; of the others, by the last digit of the customer's number,
-- two tenths have not paid, one tenth paid half of the first invoice, one tenth paid 10 too much
-- at first, and the rest pay all invoices of a day at once, two to four weeks later.
CREATE OR REPLACE TABLE receipt_part AS
WITH numbered AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY customer ORDER BY date, number) AS nth,
        CASE WHEN customer <> 'CASH' THEN customer::INTEGER END AS digits
    FROM owed
)

SELECT
    CASE customer
        WHEN 'CASH' THEN 'TILL-' || number
        ELSE 'RCPT-' || customer || strftime(date, '-%Y%m%d')
    END AS receipt,
    number AS invoice,
    customer,
    CASE customer WHEN 'CASH' THEN date ELSE date + (14 + digits % 14)::INTEGER END AS day,
    CASE WHEN digits % 10 = 7 THEN round(due * 0.5, 2) ELSE due END::DECIMAL(18, 2) AS amount,
    CASE WHEN digits % 10 = 6 AND nth = 1 THEN 10 ELSE 0 END::DECIMAL(18, 2) AS beyond
FROM numbered
WHERE customer = 'CASH' OR digits % 10 < 7 OR (digits % 10 = 7 AND nth = 1);

CREATE OR REPLACE TABLE bank_accounts AS
SELECT 'TILL' AS externalId, 'Card takings' AS name;

CREATE OR REPLACE TABLE payments AS
SELECT
    receipt AS externalId,
    {'externalId': customer} AS customer,
    -- Banks are closed on Saturday and Sunday.
    day + CASE isodow(day) WHEN 6 THEN 2 WHEN 7 THEN 1 ELSE 0 END AS date,
    sum(amount + beyond)::DECIMAL(18, 2) AS amount,
    'Receipt ' || string_agg(invoice, ', ' ORDER BY invoice) AS description,
    CASE customer WHEN 'CASH' THEN 'Card takings' ELSE 'Current account' END AS bankAccount,
    -- None for the till: a plan knows no methods of an account that is still to be made.
    CASE WHEN customer <> 'CASH' THEN 'BACS' END AS paymentMethod
FROM receipt_part
GROUP BY receipt, customer, day
ORDER BY receipt;

-- Which receipt and which credit note clears how much of which invoice.
CREATE OR REPLACE TABLE sales_allocations AS
SELECT
    receipt || '/' || invoice AS externalId,
    {'externalId': receipt} AS payment,
    NULL AS creditNote,
    {'externalId': invoice} AS invoice,
    amount
FROM receipt_part
UNION ALL BY NAME
SELECT
    note || '/' || invoice AS externalId,
    {'externalId': note} AS creditNote,
    {'externalId': invoice} AS invoice,
    amount
FROM credit
ORDER BY externalId;
