-- Credit notes are used up by the customer's next invoices, as far as they go. What an invoice
-- was given once never changes when later documents come: a payment may rest on it.
CREATE OR REPLACE TABLE settled AS
WITH so_far AS (
    SELECT
        *,
        sum(CASE WHEN is_credit THEN 0 ELSE gross END) OVER until_here AS invoiced,
        sum(CASE WHEN is_credit THEN gross ELSE 0 END) OVER until_here AS credited
    FROM document
    WHERE gross > 0
    WINDOW until_here AS (PARTITION BY customer ORDER BY date, is_credit DESC, number)
),

-- Credit used is all that invoices came to, less the most by which they ever ran ahead of credit.
used AS (
    SELECT *, invoiced + least(min(credited - invoiced) OVER until_here, 0) AS used
    FROM so_far
    WINDOW until_here AS (PARTITION BY customer ORDER BY date, is_credit DESC, number)
)

SELECT
    *,
    lag(used, 1, 0) OVER (PARTITION BY customer ORDER BY date, is_credit DESC, number)
        AS used_before
FROM used;

-- Laid end to end, what invoices used and what notes gave are two rows of stretches: where one
-- of an invoice overlaps one of a note, the note clears the invoice.
CREATE OR REPLACE TABLE credit AS
SELECT
    note.number AS note,
    invoice.number AS invoice,
    (
        least(note.credited, invoice.used)
        - greatest(note.credited - note.gross, invoice.used_before)
    )::DECIMAL(18, 2) AS amount
FROM settled AS note
JOIN settled AS invoice ON invoice.customer = note.customer
WHERE
    note.is_credit
    AND NOT invoice.is_credit
    AND least(note.credited, invoice.used)
    > greatest(note.credited - note.gross, invoice.used_before);

-- What is left to pay of each invoice.
CREATE OR REPLACE TABLE owed AS
SELECT number, customer, date, (gross - (used - used_before))::DECIMAL(18, 2) AS due
FROM settled
WHERE NOT is_credit AND gross > used - used_before;
