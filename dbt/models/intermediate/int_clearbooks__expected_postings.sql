-- What documents and payments must have posted, by account and in home currency. Servers round
-- foreign amounts for each account of a document or for each line (`basis`); both are worked out,
-- and `int_clearbooks__transaction_sources` sees which of them the ledger has.
with control as (
    select business_id, role, account_id from {{ ref('int_clearbooks__control_accounts') }}
),

bases as (select 'account' as basis union all select 'line'),

nets as (
    select
        l.business_id, l.side, l.kind, l.document_id, b.basis, l.account_id,
        case when b.basis = 'line' then sum({{ clearbooks.to_home('l.net', 'l.rate') }})
            else {{ clearbooks.to_home('sum(l.net)', 'l.rate') }} end * l.sign as amount
    from {{ ref('int_clearbooks__document_lines') }} as l
    inner join bases as b on b.basis = 'account' or l.rate <> 1
    group by l.business_id, l.side, l.kind, l.document_id, l.account_id, l.rate, l.sign, b.basis
),

vat as (
    select
        l.business_id, l.side, l.kind, l.document_id, b.basis, c.account_id,
        case when b.basis = 'line' then sum({{ clearbooks.to_home('l.vat', 'l.rate') }})
            else {{ clearbooks.to_home('sum(l.vat)', 'l.rate') }} end * l.sign as amount
    from {{ ref('int_clearbooks__document_lines') }} as l
    inner join bases as b on b.basis = 'account' or l.rate <> 1
    inner join control as c on c.business_id = l.business_id and c.role = 'vat'
    group by l.business_id, l.side, l.kind, l.document_id, c.account_id, l.rate, l.sign, b.basis
),

-- What the Construction Industry Scheme has the payer keep back, where the business is in it.
cis as (
    select
        n.business_id, n.side, n.kind, n.document_id, n.basis, d.deducted_to as account_id,
        -{{ clearbooks.share_of('n.amount', 'd.percent') }} as amount
    from nets as n
    inner join {{ ref('clearbooks_cis_deductions') }} as d on d.account_id = n.account_id
    where exists (
        select 1 from {{ ref('stg_clearbooks__transaction_lines') }} as t
        where t.business_id = n.business_id and t.account_code_id = d.deducted_to
    )
),

rest as (
    select * from nets
    union all
    select * from vat
    union all
    select * from cis
),

posted as (
    select business_id, side, kind, document_id as source_id, basis, account_id, amount from rest
    union all
    select r.business_id, r.side, r.kind, r.document_id, r.basis, c.account_id, -r.amount
    from rest as r
    inner join control as c
        on c.business_id = r.business_id
        and c.role = case when r.side = 'sales' then 'debtors' else 'creditors' end
    union all
    select p.business_id, p.side, 'payment', p.payment_id, 'account', b.account_id, p.home_amount
    from {{ ref('int_clearbooks__payments') }} as p
    inner join {{ ref('int_clearbooks__bank_accounts') }} as b
        on b.business_id = p.business_id and b.bank_account_id = p.bank_account_id
    union all
    select p.business_id, p.side, 'payment', p.payment_id, 'account', c.account_id, -p.home_amount
    from {{ ref('int_clearbooks__payments') }} as p
    inner join control as c
        on c.business_id = p.business_id
        and c.role = case when p.side = 'sales' then 'debtors' else 'creditors' end
)

select
    business_id, side, kind, source_id, basis, account_id,
    {{ clearbooks.total('amount') }} as amount
from posted
group by business_id, side, kind, source_id, basis, account_id
having sum(amount) <> 0
