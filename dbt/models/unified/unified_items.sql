{{ config(enabled=var('clearbooks_unified')) }}
-- What is sold, bought and kept in stock.
select
    {{ clearbooks.unified_id('item', 'id') }} as id, name, sku, description,
    sales_unit_price as unit_price, purchase_unit_price as purchase_price,
    {{ clearbooks.unified_id('account', 'sales_account_code') }} as sales_account,
    {{ clearbooks.unified_id('account', 'purchase_account_code') }} as purchase_account,
    business_id as company, {{ clearbooks.unknown(['status', 'created_at', 'updated_at']) }}
from {{ ref('stg_clearbooks__stock_items') }}
