{{ config(enabled=var('clearbooks_unified')) }}
-- The ledger's transactions with what they come from, as far as it was found.
select
    {{ clearbooks.unified_id('transaction', 'transaction_id') }} as id,
    coalesce(max(kind), 'journal') as transaction_type, max(number) as number, min(date) as transaction_date,
    max(case when contact_id is not null then business_id || '-contact-' || side || '-' || contact_id end) as contact,
    {{ clearbooks.total('debit') }} as total_amount, '{{ var("clearbooks_home_currency") }}' as currency,
    business_id as company
from {{ ref('general_ledger') }}
group by business_id, transaction_id
