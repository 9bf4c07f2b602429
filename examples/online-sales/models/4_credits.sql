-- Credit notes against the customer's invoices, the oldest first, as far as they go.
-- Documents of a customer are laid end to end on a line of money: where the stretch of an
-- invoice and that of a credit note overlap, the one clears the other.
CREATE OR REPLACE TABLE credit AS
WITH stretch AS (
    SELECT
        number,
        customer,
        is_credit,
        sum(gross) OVER so_far - gross AS start,
        sum(gross) OVER so_far AS stop
    FROM document
    WHERE gross > 0
    WINDOW so_far AS (PARTITION BY customer, is_credit ORDER BY date, number)
)

SELECT
    note.number AS note,
    invoice.number AS invoice,
    (least(note.stop, invoice.stop) - greatest(note.start, invoice.start))::DECIMAL(18, 2)
        AS amount
FROM stretch AS note
JOIN stretch AS invoice ON invoice.customer = note.customer
WHERE
    note.is_credit
    AND NOT invoice.is_credit
    AND least(note.stop, invoice.stop) > greatest(note.start, invoice.start);

-- What is left to pay of each invoice.
CREATE OR REPLACE TABLE owed AS
SELECT
    document.number,
    document.customer,
    document.date,
    (document.gross - coalesce(credited.amount, 0))::DECIMAL(18, 2) AS due
FROM document
LEFT JOIN (SELECT invoice, sum(amount) AS amount FROM credit GROUP BY invoice) AS credited
    ON credited.invoice = document.number
WHERE NOT document.is_credit AND document.gross > coalesce(credited.amount, 0);
