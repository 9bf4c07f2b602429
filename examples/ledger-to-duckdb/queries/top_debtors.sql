-- Top debtors: who owes most, and since when the oldest invoice is due
SELECT
    customer.name AS customer,
    count(*) AS invoices,
    -- An invoice in another currency is turned into the home currency at its own rate.
    sum((invoice.due / coalesce(invoice.exchangeRate, 1))::DECIMAL(18, 2)) AS due,
    min(coalesce(invoice.dateDue, invoice.date)) AS oldest
FROM sales_invoices AS invoice
JOIN customers AS customer
    ON customer.businessId = invoice.businessId AND customer.id = invoice.customerId
WHERE invoice.due > 0 AND invoice.status <> 'draft'
GROUP BY customer.id, customer.name
ORDER BY due DESC, customer
LIMIT 5
