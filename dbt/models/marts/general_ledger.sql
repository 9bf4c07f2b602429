-- Every line of the ledger with the document or payment that it comes from. Transactions of the API
-- have neither; `match` says how sure the join is: `exact`, `twin` (several that are alike, taken in
-- the order of their IDs), or `none`: journals, exchange differences, and what was voided since.
with sources as (
    select * from {{ ref('int_clearbooks__transaction_sources') }} where transaction_id is not null
),

items as (
    select business_id, side, kind, item_id, number, reference, contact_id from {{ ref('int_clearbooks__open_items') }}
)

select
    l.business_id, l.transaction_id, l.line_number, l.accounting_date as date,
    l.account_code_id as account_id, a.name as account, a.class, a.section,
    greatest(l.amount, 0) as debit, greatest(-l.amount, 0) as credit, l.amount,
    coalesce(s.match, 'none') as match, s.side, s.kind, s.source_id, i.number, i.reference,
    i.contact_id, c.name as contact
from {{ ref('stg_clearbooks__transaction_lines') }} as l
inner join {{ ref('int_clearbooks__accounts') }} as a
    on a.business_id = l.business_id and a.account_id = l.account_code_id
left join sources as s
    on s.business_id = l.business_id and s.transaction_id = l.transaction_id
left join items as i
    on i.business_id = s.business_id and i.side = s.side and i.kind = s.kind and i.item_id = s.source_id
left join {{ ref('int_clearbooks__contacts') }} as c
    on c.business_id = i.business_id and c.side = i.side and c.id = i.contact_id
