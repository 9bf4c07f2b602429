-- The lines of documents. VAT is the line's own amount: reverse charge and VAT set by hand have no
-- other source. Net is worked out from price and quantity, half a penny away from 0.
{% set keys = ['business_id', 'side', 'kind', 'document_id', 'rate', 'sign'] %}
{% set fields = [
    ('description', 'description', 'varchar'),
    ('unitPrice', 'unit_price', 'decimal(28, 6)'),
    ('quantity', 'quantity', 'decimal(28, 6)'),
    ('accountCode', 'account_id', 'bigint'),
    ('vatRateKey', 'vat_rate_key', 'varchar'),
    ('vatAmount', 'vat_amount', 'decimal(18, 2)'),
    ('stockItem', 'stock_item_id', 'bigint'),
] %}
with lines as (
    {{ clearbooks.unnest_json(ref('int_clearbooks__documents'), keys, 'line_items', fields) }}
)

select
    *, coalesce(vat_amount, 0) as vat,
    cast(round(coalesce(unit_price, 0) * coalesce(quantity, 0), 2) as decimal(18, 2)) as net
from lines
