-- VAT of documents against the VAT accounts, by month. A return goes by tax point, the ledger by
-- accounting date: `timing` is between the two. `other` are movements of the VAT accounts by neither
-- documents nor anything that touches debtors or creditors: journals, such as the payment to HMRC.
-- Amounts are VAT that is owed: VAT on sales is positive.
with vat_accounts as (
    select business_id, account_id from {{ ref('int_clearbooks__accounts') }} where section = 'VAT' or role = 'vat'
),

documents as (
    select
        d.business_id, d.side, d.kind, d.document_id, d.date, d.accounting_date,
        {{ clearbooks.total('-e.amount') }} as vat
    from {{ ref('int_clearbooks__documents') }} as d
    inner join {{ ref('int_clearbooks__transaction_sources') }} as s
        on s.business_id = d.business_id and s.side = d.side and s.kind = d.kind and s.source_id = d.document_id
    inner join {{ ref('int_clearbooks__expected_postings') }} as e
        on e.business_id = s.business_id and e.side = s.side and e.kind = s.kind
        and e.source_id = s.source_id and e.basis = s.basis
    inner join vat_accounts as v on v.business_id = e.business_id and v.account_id = e.account_id
    where not s.is_dead
    group by d.business_id, d.side, d.kind, d.document_id, d.date, d.accounting_date
),

-- Transactions without a source that touch no control account.
others as (
    select t.business_id, t.transaction_id
    from {{ ref('int_clearbooks__transaction_accounts') }} as t
    left join {{ ref('int_clearbooks__transaction_sources') }} as s
        on s.business_id = t.business_id and s.transaction_id = t.transaction_id
    left join {{ ref('int_clearbooks__control_accounts') }} as c
        on c.business_id = t.business_id and c.account_id = t.account_id and c.role <> 'vat'
    group by t.business_id, t.transaction_id
    having count(s.source_id) = 0 and count(c.role) = 0
),

amounts as (
    select
        business_id, {{ clearbooks.month_end('date') }} as month_end, vat as by_tax_point,
        0 as documents, 0 as other, 0 as ledger
    from documents
    union all
    select business_id, {{ clearbooks.month_end('accounting_date') }}, 0, vat, 0, 0 from documents
    union all
    select
        t.business_id, {{ clearbooks.month_end('t.accounting_date') }}, 0, 0,
        case when o.transaction_id is null then 0 else -t.amount end, -t.amount
    from {{ ref('int_clearbooks__transaction_accounts') }} as t
    inner join vat_accounts as v on v.business_id = t.business_id and v.account_id = t.account_id
    left join others as o on o.business_id = t.business_id and o.transaction_id = t.transaction_id
),

months as (
    select
        business_id, month_end,
        {{ clearbooks.total('by_tax_point') }} as by_tax_point, {{ clearbooks.total('documents') }} as documents,
        {{ clearbooks.total('other') }} as other, {{ clearbooks.total('ledger') }} as ledger
    from amounts
    group by business_id, month_end
)

select
    business_id, month_end, {{ clearbooks.vat_period_end('month_end') }} as period_end,
    by_tax_point, documents - by_tax_point as timing, documents, other, ledger,
    ledger - other - documents as difference
from months
