-- What happened to each open item: it came to be, and it was allocated, which takes it towards 0.
-- Allocations of documents that were voided since are gone with them.
with allocated as (
    select
        business_id, side, invoice_kind as kind, invoice_id as item_id, accounting_date, allocation_id,
        amount, invoice_home_amount as home_amount
    from {{ ref('int_clearbooks__allocations') }} where resolves
    union all
    select
        business_id, side, source_kind, source_id, accounting_date, allocation_id,
        source_amount, source_home_amount
    from {{ ref('int_clearbooks__allocations') }} where resolves
)

select business_id, side, kind, item_id, accounting_date, cast(null as bigint) as allocation_id, amount, home_amount
from {{ ref('int_clearbooks__open_items') }}
union all
select
    a.business_id, a.side, a.kind, a.item_id, a.accounting_date, a.allocation_id,
    cast(-sign(i.amount) * a.amount as decimal(18, 2)), cast(-sign(i.amount) * a.home_amount as decimal(18, 2))
from allocated as a
inner join {{ ref('int_clearbooks__open_items') }} as i
    on i.business_id = a.business_id and i.side = a.side and i.kind = a.kind and i.item_id = a.item_id
