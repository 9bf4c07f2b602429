-- Payment status: what is paid, partly paid or still due of each invoice, by the shop's own number
SELECT
    businessId AS business,
    reference AS order_number,
    gross::DECIMAL(18, 2) AS gross,
    due::DECIMAL(18, 2) AS due,
    CASE
        WHEN status = 'voided' THEN 'voided'
        WHEN due = 0 THEN 'paid'
        WHEN due < gross THEN 'partly paid'
        ELSE 'open'
    END AS payment_status
FROM sales_invoices
WHERE reference IS NOT NULL AND status <> 'draft'
ORDER BY business, order_number
