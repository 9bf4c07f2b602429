-- The retailer's file, one row a line of a document, then the same with its VAT.
--   source  the CSV file
--   whole   false: the first day only
CREATE OR REPLACE TABLE countries AS
SELECT * FROM read_csv(
    getvariable('example') || '/countries.csv',
    types = {'percent': 'DECIMAL(5, 2)'}
);

-- As it is: what the checks at the end count from.
CREATE OR REPLACE TABLE sales_file AS
SELECT row_number() OVER () AS row, *
FROM read_csv(
    getvariable('source'),
    header = true,
    types = {
        'InvoiceNo': 'VARCHAR',
        'StockCode': 'VARCHAR',
        'Description': 'VARCHAR',
        'Quantity': 'INTEGER',
        'InvoiceDate': 'TIMESTAMP',
        'UnitPrice': 'DECIMAL(18, 4)',
        'CustomerID': 'VARCHAR',
        'Country': 'VARCHAR'
    }
)
WHERE getvariable('whole') OR InvoiceDate < DATE '2010-12-02';

CREATE OR REPLACE TABLE sale_line AS
WITH line AS (
    SELECT
        file.row,
        file.InvoiceNo AS number,
        file.InvoiceDate::DATE AS date,
        -- Sales to people that the file does not name are those of one cash customer.
        coalesce(nullif(trim(file.CustomerID), ''), 'CASH') AS customer,
        abroad.code AS country,
        -- Of an unnamed customer in the EU no VAT number is known: UK VAT is charged.
        CASE
            WHEN nullif(trim(file.CustomerID), '') IS NULL AND abroad.treatment = 'GEU'
                THEN home
            ELSE abroad
        END AS vat,
        -- A credit note has positive quantities: what it is says that it counts against.
        starts_with(file.InvoiceNo, 'C') AS is_credit,
        CASE WHEN starts_with(file.InvoiceNo, 'C') THEN -file.Quantity ELSE file.Quantity END
            AS quantity,
        coalesce(nullif(trim(file.Description), ''), file.StockCode) AS description,
        CASE
            WHEN file.StockCode IN ('POST', 'DOT', 'C2') THEN 'Other income'
            ELSE 'Revenue'
        END AS account,
        -- 0 is how the file says that nothing on a document has a price: its stock counts.
        CASE
            WHEN max(abs(file.UnitPrice)) OVER (PARTITION BY file.InvoiceNo) > 0
                THEN file.UnitPrice
        END AS price
    FROM sales_file AS file
    LEFT JOIN countries AS abroad ON abroad.country = file.Country
    LEFT JOIN countries AS home ON home.code = 'GB'
)

SELECT
    row,
    number,
    date,
    customer,
    country,
    vat.treatment AS treatment,
    vat.rate AS rate,
    is_credit,
    quantity,
    description,
    account,
    price,
    -- Rounded line by line, as the ledger does; a division would leave the decimals.
    round(price * quantity, 2)::DECIMAL(18, 2) AS net,
    round(round(price * quantity, 2)::DECIMAL(18, 2) * vat.percent * 0.01, 2)::DECIMAL(18, 2)
        AS tax
FROM line;
