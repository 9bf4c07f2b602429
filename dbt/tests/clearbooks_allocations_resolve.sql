-- Both ends of every allocation are there, or were voided since. Where one is missing, documents or
-- payments were not loaded: with `start_date`, all from before it. What is owed cannot be told then.
with ends as (
    select business_id, side, invoice_id as id, 'invoice' as what
    from {{ ref('int_clearbooks__allocations') }} where invoice_kind is null
    union all
    select business_id, side, coalesce(payment_id, credit_note_id),
        case when payment_id is null then 'credit_note' else 'payment' end
    from {{ ref('int_clearbooks__allocations') }} where source_kind is null
),

-- Voided since the allocation was loaded: the ledger shows it, and the loader keeps the row.
dead as (
    select business_id, side, source_id, case when kind in ('bill', 'expense') then 'invoice' else kind end as what
    from {{ ref('int_clearbooks__transaction_sources') }} where is_dead
)

select e.* from ends as e
left join dead as d on d.business_id = e.business_id and d.side = e.side and d.source_id = e.id and d.what = e.what
where d.source_id is null
