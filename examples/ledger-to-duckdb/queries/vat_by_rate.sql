-- VAT by rate and business: what was charged on sales and paid on purchases; credit notes count against
WITH document AS (
    SELECT businessId, 'sales' AS side, 1 AS sign, status, exchangeRate, lineItems FROM sales_invoices
    UNION ALL
    SELECT businessId, 'sales', -1, status, exchangeRate, lineItems FROM sales_credit_notes
    UNION ALL
    SELECT businessId, 'purchases', 1, status, exchangeRate, lineItems FROM bills
    UNION ALL
    SELECT businessId, 'purchases', 1, status, exchangeRate, lineItems FROM expenses
    UNION ALL
    SELECT businessId, 'purchases', -1, status, exchangeRate, lineItems FROM purchase_credit_notes
),
line AS (
    SELECT
        businessId,
        side,
        sign / coalesce(exchangeRate, 1) AS factor,
        unnest(from_json(
            lineItems,
            '[{"vatRateKey": "VARCHAR", "unitPrice": "DOUBLE", "quantity": "DOUBLE", "vatAmount": "DOUBLE"}]'
        )) AS item
    FROM document
    WHERE status NOT IN ('draft', 'voided')
)
SELECT
    businessId AS business,
    side,
    item.vatRateKey AS rate,
    count(*) AS lines,
    sum((factor * item.unitPrice * item.quantity)::DECIMAL(18, 2)) AS net,
    sum((factor * coalesce(item.vatAmount, 0))::DECIMAL(18, 2)) AS vat
FROM line
GROUP BY businessId, side, item.vatRateKey
ORDER BY business, side DESC, vat DESC, rate
