-- The lines of documents. VAT is the line's own amount: reverse charge and VAT set by hand have no
-- other source. Net is worked out from price and quantity, half a penny away from 0.
{% set keys = ['business_id', 'side', 'kind', 'document_id', 'rate', 'sign'] %}
with lines as (
    {{ clearbooks.unnest_json(ref('int_clearbooks__documents'), keys, 'line_items') }}
),

fields as (
    select
        {{ keys | join(', ') }}, line_number,
        item ->> 'description' as description,
        coalesce(cast(item ->> 'unitPrice' as decimal(28, 6)), 0) as unit_price,
        coalesce(cast(item ->> 'quantity' as decimal(28, 6)), 0) as quantity,
        cast(item ->> 'accountCode' as bigint) as account_id,
        item ->> 'vatRateKey' as vat_rate_key,
        coalesce(cast(item ->> 'vatAmount' as decimal(18, 2)), 0) as vat,
        cast(item ->> 'stockItem' as bigint) as stock_item_id
    from lines
)

select *, cast(round(unit_price * quantity, 2) as decimal(18, 2)) as net
from fields
