-- What a customer is sent: documents and payments in their order, with what is owed after each.
-- Where a payment came at another rate than its invoice, the exchange difference is a row, so that
-- the balance at home comes to 0 with what is owed.
with items as (
    select
        business_id, contact_id, accounting_date as date, kind, item_id, number, reference, currency,
        amount, home_amount, date_due
    from {{ ref('int_clearbooks__open_items') }}
    where side = 'sales'
    union all
    select
        a.business_id, i.contact_id, a.accounting_date, 'exchange_difference', a.allocation_id, i.number,
        null, '{{ var("clearbooks_home_currency") }}', 0, a.source_home_amount - a.invoice_home_amount, null
    from {{ ref('int_clearbooks__allocations') }} as a
    inner join {{ ref('int_clearbooks__open_items') }} as i
        on i.business_id = a.business_id and i.side = a.side and i.kind = a.invoice_kind and i.item_id = a.invoice_id
    where a.side = 'sales' and a.resolves and a.source_home_amount <> a.invoice_home_amount
)

select
    i.business_id, i.contact_id, c.name as contact, i.date, i.kind, i.item_id, i.number, i.reference,
    i.date_due, i.currency, cast(i.amount as decimal(18, 2)) as amount,
    cast(i.home_amount as decimal(18, 2)) as home_amount,
    cast(sum(i.home_amount) over (
        partition by i.business_id, i.contact_id order by i.date, i.kind desc, i.item_id
        rows unbounded preceding
    ) as decimal(18, 2)) as balance
from items as i
left join {{ ref('int_clearbooks__contacts') }} as c
    on c.business_id = i.business_id and c.side = 'sales' and c.id = i.contact_id
