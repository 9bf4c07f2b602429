{{ config(severity='warn') }}
-- `due` of a document as it was loaded, and what its allocations leave. Beyond the lookback a `due` may
-- be of an earlier day; and of a loader that keeps deleted rows this shows an allocation that is gone.
with settled as (
    select business_id, side, kind, item_id, sum(amount) as amount
    from {{ ref('int_clearbooks__open_item_events') }}
    group by business_id, side, kind, item_id
)

select d.business_id, d.side, d.kind, d.document_id, d.due, abs(s.amount) as open
from {{ ref('int_clearbooks__documents') }} as d
inner join settled as s
    on s.business_id = d.business_id and s.side = d.side and s.kind = d.kind and s.item_id = d.document_id
where abs(coalesce(d.due, 0)) <> abs(s.amount)
