-- Credit notes are used up by the supplier's next bills, as far as they go. What a bill was
-- given once never changes when later documents come: a payment rests on it.
CREATE OR REPLACE TABLE settled AS
WITH so_far AS (
    SELECT
        *,
        sum(CASE WHEN is_credit THEN 0 ELSE gross END) OVER until_here AS billed,
        sum(CASE WHEN is_credit THEN gross ELSE 0 END) OVER until_here AS credited
    FROM document
    WINDOW until_here AS (PARTITION BY supplier ORDER BY date, is_credit DESC, number)
),

-- Credit used is all that bills came to, less the most by which they ever ran ahead of credit.
used AS (
    SELECT *, billed + least(min(credited - billed) OVER until_here, 0) AS used
    FROM so_far
    WINDOW until_here AS (PARTITION BY supplier ORDER BY date, is_credit DESC, number)
)

SELECT
    *,
    lag(used, 1, 0) OVER (PARTITION BY supplier ORDER BY date, is_credit DESC, number)
        AS used_before
FROM used;

-- Laid end to end, what bills used and what notes gave are two rows of stretches: where one of
-- a bill overlaps one of a note, the note clears the bill.
CREATE OR REPLACE TABLE credit AS
SELECT
    note.number AS note,
    bill.number AS bill,
    (
        least(note.credited, bill.used)
        - greatest(note.credited - note.gross, bill.used_before)
    )::DECIMAL(18, 2) AS amount
FROM settled AS note
JOIN settled AS bill ON bill.supplier = note.supplier
WHERE
    note.is_credit
    AND NOT bill.is_credit
    AND least(note.credited, bill.used) > greatest(note.credited - note.gross, bill.used_before);

-- Every row of the file is money paid: what is left of a supplier's bills of one day is one
-- payment on that day.
CREATE OR REPLACE TABLE payment_part AS
SELECT
    'BACS ' || strftime(date, '%Y%m%d') || ' ' || supplier AS payment,
    number AS bill,
    supplier,
    date,
    (gross - (used - used_before))::DECIMAL(18, 2) AS amount
FROM settled
WHERE NOT is_credit AND gross > used - used_before;

CREATE OR REPLACE TABLE payments AS
SELECT
    payment AS externalId,
    {'externalId': supplier} AS supplier,
    date,
    -- Money paid is negative.
    -sum(amount)::DECIMAL(18, 2) AS amount,
    'BACS ' || supplier AS description,
    'Current account' AS bankAccount,
    'BACS' AS paymentMethod
FROM payment_part
GROUP BY payment, supplier, date
ORDER BY date, payment;

-- Which payment and which credit note clears how much of which bill.
CREATE OR REPLACE TABLE purchase_allocations AS
SELECT
    payment || '/' || bill AS externalId,
    {'externalId': payment} AS payment,
    NULL AS creditNote,
    {'externalId': bill} AS bill,
    amount
FROM payment_part
UNION ALL BY NAME
SELECT
    note || '/' || bill AS externalId,
    {'externalId': note} AS creditNote,
    {'externalId': bill} AS bill,
    amount
FROM credit
ORDER BY externalId;
