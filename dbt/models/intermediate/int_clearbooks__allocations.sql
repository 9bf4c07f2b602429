-- Allocations with the items at both ends. An invoice's ID is that of a bill or of an expense on the
-- side of purchases. An allocation has no date; it counts from the later of the two accounting dates.
with allocations as (
    select 'sales' as side, * from {{ ref('stg_clearbooks__sales_allocations') }}
    union all
    select 'purchases', * from {{ ref('stg_clearbooks__purchase_allocations') }}
),

items as (select * from {{ ref('int_clearbooks__open_items') }})

select
    a.business_id, a.side, a.id as allocation_id, a.amount, a.invoice_id, a.payment_id, a.credit_note_id,
    i.kind as invoice_kind, s.kind as source_kind, s.item_id as source_id,
    i.item_id is not null and s.item_id is not null as resolves,
    greatest(i.accounting_date, s.accounting_date) as accounting_date,
    -- A payment in pounds pays a foreign invoice at the invoice's rate.
    cast(case when s.currency = i.currency then a.amount else {{ clearbooks.to_home('a.amount', 'i.rate') }} end
        as decimal(18, 2)) as source_amount,
    {{ clearbooks.to_home('a.amount', 'i.rate') }} as invoice_home_amount,
    case when s.currency = i.currency then {{ clearbooks.to_home('a.amount', 's.rate') }}
        else {{ clearbooks.to_home('a.amount', 'i.rate') }} end as source_home_amount
from allocations as a
left join items as i
    on i.business_id = a.business_id and i.side = a.side and i.item_id = a.invoice_id
    and i.kind in ('invoice', 'bill', 'expense')
left join items as s
    on s.business_id = a.business_id and s.side = a.side
    and s.kind = case when a.payment_id is null then 'credit_note' else 'payment' end
    and s.item_id = coalesce(a.payment_id, a.credit_note_id)
