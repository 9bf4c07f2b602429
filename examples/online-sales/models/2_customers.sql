-- One customer for each CustomerID, and one for all sales that name none.
CREATE OR REPLACE TABLE customers AS
SELECT
    customer AS externalId,
    CASE customer WHEN 'CASH' THEN 'Cash customer' ELSE 'Customer ' || customer END AS name,
    {'countryCode': CASE customer WHEN 'CASH' THEN 'GB' ELSE any_value(country) END} AS address
FROM sale_line
GROUP BY customer
ORDER BY customer;
