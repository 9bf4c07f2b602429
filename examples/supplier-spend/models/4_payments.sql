-- Credit notes against the supplier's bills, the oldest first, as far as they go. Documents of
-- a supplier are laid end to end on a line of money: where the stretch of a bill and that of a
-- credit note overlap, the one clears the other.
CREATE OR REPLACE TABLE credit AS
WITH stretch AS (
    SELECT
        number,
        supplier,
        is_credit,
        sum(gross) OVER so_far - gross AS start,
        sum(gross) OVER so_far AS stop
    FROM document
    WINDOW so_far AS (PARTITION BY supplier, is_credit ORDER BY date, number)
)

SELECT
    note.number AS note,
    bill.number AS bill,
    (least(note.stop, bill.stop) - greatest(note.start, bill.start))::DECIMAL(18, 2) AS amount
FROM stretch AS note
JOIN stretch AS bill ON bill.supplier = note.supplier
WHERE
    note.is_credit
    AND NOT bill.is_credit
    AND least(note.stop, bill.stop) > greatest(note.start, bill.start);

-- Every row of the file is money paid: what is left of a supplier's bills of one day is one
-- payment on that day.
CREATE OR REPLACE TABLE payment_part AS
SELECT
    'BACS ' || strftime(document.date, '%Y%m%d') || ' ' || document.supplier AS payment,
    document.number AS bill,
    document.supplier,
    document.date,
    (document.gross - coalesce(credited.amount, 0))::DECIMAL(18, 2) AS amount
FROM document
LEFT JOIN (SELECT bill, sum(amount) AS amount FROM credit GROUP BY bill) AS credited
    ON credited.bill = document.number
WHERE NOT document.is_credit AND document.gross > coalesce(credited.amount, 0);

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
