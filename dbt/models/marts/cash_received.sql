-- Money received, a row a payment, with what of it was allocated. Not all that moves a bank account is a
-- payment: journals do, too. The balance of a bank is that of its account in `trial_balance`.
with allocated as (
    select business_id, side, source_id, {{ clearbooks.total('source_amount') }} as amount
    from {{ ref('int_clearbooks__allocations') }}
    where resolves and source_kind = 'payment'
    group by business_id, side, source_id
)

select
    p.business_id, p.payment_id, p.date, p.accounting_date, p.bank_account,
    b.account_id as bank_account_code,
    p.side, p.contact_id, c.name as contact, p.description, p.currency, p.amount, p.home_amount,
    coalesce(a.amount, 0) as allocated, p.amount - coalesce(a.amount, 0) as unallocated
from {{ ref('int_clearbooks__payments') }} as p
inner join {{ ref('int_clearbooks__open_items') }} as i
    on i.business_id = p.business_id and i.side = p.side and i.kind = 'payment' and i.item_id = p.payment_id
left join allocated as a
    on a.business_id = p.business_id and a.side = p.side and a.source_id = p.payment_id
left join {{ ref('int_clearbooks__contacts') }} as c
    on c.business_id = p.business_id and c.side = p.side and c.id = p.contact_id
left join {{ ref('int_clearbooks__bank_accounts') }} as b
    on b.business_id = p.business_id and b.bank_account_id = p.bank_account_id
where p.amount > 0
