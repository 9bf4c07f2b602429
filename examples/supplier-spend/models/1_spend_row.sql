-- The authority's file, one row a line of a supplier's document that was paid, then the same
-- with one name for each supplier.
--   source  the CSV file
--   whole   false: the first fortnight only
CREATE OR REPLACE TABLE account AS
SELECT * FROM read_csv(
    getvariable('example') || '/accounts.csv',
    types = {'code': 'VARCHAR', 'heading': 'INTEGER'}
);

-- What spellings of one supplier have in common: "The Press Association Limited" and
-- "PRESS ASSOCIATION LTD, THE". VendorID is no key: one number stands for every supplier that
-- was paid only once, and some suppliers have two.
CREATE OR REPLACE MACRO supplier_key(name) AS trim(
    regexp_replace(
        regexp_replace(
            regexp_replace(
                -- Dots and brackets part no words: "K.13 BIZ", "ESRI (UK)".
                regexp_replace(
                    regexp_replace(upper(name), '^(.*), THE$', '\1'), '[^\pL\pN&]+', ' ', 'g'
                ),
                '^\s*THE ', ''
            ),
            '\b(LIMITED|LTD)\b', 'LTD', 'g'
        ),
        '\bPUBLIC LTD COMPANY\b', 'PLC', 'g'
    )
);

-- As it is: what the checks at the end count from.
CREATE OR REPLACE TABLE spend_file AS
SELECT *
FROM read_csv(
    getvariable('source'),
    header = true,
    types = {
        'ID': 'INTEGER',
        'VendorID': 'VARCHAR',
        'Vendor': 'VARCHAR',
        'AccountCode': 'VARCHAR',
        'AccountDescription': 'VARCHAR',
        'DocNo': 'VARCHAR',
        'Amount': 'DECIMAL(18, 2)',
        'Date': 'DATE'
    }
)
WHERE getvariable('whole') OR "Date" < DATE '2010-12-15';

CREATE OR REPLACE TABLE spend_row AS
SELECT
    ID AS row,
    supplier_key(Vendor) AS supplier,
    trim(regexp_replace(Vendor, '\s+', ' ', 'g')) AS vendor,
    AccountCode AS code,
    AccountDescription AS description,
    coalesce(DocNo, 'ROW') AS document,
    "Date" AS date,
    -- A negative row is money back: a credit note, whose amounts are positive.
    Amount < 0 AS is_credit,
    abs(Amount) AS amount
FROM spend_file;
