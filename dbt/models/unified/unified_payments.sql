{{ config(enabled=var('clearbooks_unified')) }}
-- Money received (positive) and paid (negative).
select
    p.business_id || '-payment-' || p.payment_id as id, p.date as transaction_date,
    p.business_id || '-contact-' || p.side || '-' || p.contact_id as contact,
    p.business_id || '-account-' || b.account_id as account,
    p.currency, p.rate as exchange_rate, p.amount as total_amount, p.description as memo,
    case when p.amount > 0 then 'received' else 'paid' end as type, p.business_id as company,
    {{ clearbooks.unknown(['created_at', 'updated_at']) }}
from {{ ref('int_clearbooks__payments') }} as p
inner join {{ ref('int_clearbooks__open_items') }} as i
    on i.business_id = p.business_id and i.side = p.side and i.kind = 'payment' and i.item_id = p.payment_id
left join {{ ref('int_clearbooks__bank_accounts') }} as b
    on b.business_id = p.business_id and b.bank_account_id = p.bank_account_id
