{{ config(enabled=var('clearbooks_unified')) }}
-- All transactions of the ledger. Their texts cannot be read through the API.
select
    {{ clearbooks.unified_id('transaction', 'id') }} as id, accounting_date as transaction_date,
    '{{ var("clearbooks_home_currency") }}' as currency, lines, 'posted' as posting_status,
    business_id as company, {{ clearbooks.unknown(['memo', 'journal_number', 'created_at', 'updated_at']) }}
from {{ ref('stg_clearbooks__transactions') }}
