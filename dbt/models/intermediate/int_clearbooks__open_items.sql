-- Documents and payments that are live, each with its total as a part of what is owed: positive on
-- either side where somebody owes, negative for credit notes and payments. The value at home is
-- what the control account has of it.
with control as (
    select e.business_id, e.side, e.kind, e.source_id, e.basis, e.amount
    from {{ ref('int_clearbooks__expected_postings') }} as e
    inner join {{ ref('int_clearbooks__control_accounts') }} as c
        on c.business_id = e.business_id and c.account_id = e.account_id
        and c.role = case when e.side = 'sales' then 'debtors' else 'creditors' end
),

items as (
    select
        business_id, side, kind, document_id as item_id, number, reference, contact_id, currency, rate,
        date, accounting_date, coalesce(date_due, date) as date_due,
        case when kind = 'credit_note' then -gross else gross end as gross
    from {{ ref('int_clearbooks__documents') }}
    union all
    select
        business_id, side, 'payment', payment_id, null, description, contact_id, currency, rate,
        date, accounting_date, date,
        case when side = 'sales' then -amount else amount end
    from {{ ref('int_clearbooks__payments') }}
)

select
    i.business_id, i.side, i.kind, i.item_id, i.number, i.reference, i.contact_id, i.currency, i.rate,
    i.date, i.accounting_date, i.date_due, s.transaction_id, coalesce(s.match, 'none') as match,
    -- Of a document in pounds the control account has all but what CIS keeps back.
    cast(case when i.rate = 1 and c.amount is not null then case when i.side = 'sales' then 1 else -1 end * c.amount
        else i.gross end as decimal(18, 2)) as amount,
    cast(case when i.side = 'sales' then 1 else -1 end * coalesce(c.amount, 0) as decimal(18, 2)) as home_amount
from items as i
left join {{ ref('int_clearbooks__transaction_sources') }} as s
    on s.business_id = i.business_id and s.side = i.side and s.kind = i.kind and s.source_id = i.item_id
left join control as c
    on c.business_id = s.business_id and c.side = s.side and c.kind = s.kind
    and c.source_id = s.source_id and c.basis = s.basis
where not coalesce(s.is_dead, false)
