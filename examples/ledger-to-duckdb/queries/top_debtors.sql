-- Top debtors: who owes a business most, and since when the oldest invoice is due
WITH debtor AS (
    SELECT
        customer.businessId AS business,
        customer.name AS customer,
        count(*) AS invoices,
        -- An invoice in another currency is turned into the home currency at its own rate.
        sum((invoice.due / coalesce(invoice.exchangeRate, 1))::DECIMAL(18, 2)) AS due,
        min(coalesce(invoice.dateDue, invoice.date)) AS oldest
    FROM sales_invoices AS invoice
    JOIN customers AS customer
        ON customer.businessId = invoice.businessId AND customer.id = invoice.customerId
    WHERE invoice.due > 0 AND invoice.status <> 'draft'
    GROUP BY customer.businessId, customer.id, customer.name
)
SELECT *
FROM debtor
QUALIFY row_number() OVER (PARTITION BY business ORDER BY due DESC, customer) <= 5
ORDER BY business, due DESC, customer
