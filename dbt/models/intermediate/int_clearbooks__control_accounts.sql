-- The accounts of debtors, creditors and VAT, by evidence: the account on which most documents and
-- payments find their amount on their accounting date. Bank accounts stand aside, since what is
-- paid on the same day has its amount there, too. A variable overrules.
with expected as (
    select
        business_id, accounting_date, case when side = 'sales' then 'debtors' else 'creditors' end as role,
        -sign * {{ clearbooks.to_home('gross', 'rate') }} as amount
    from {{ ref('int_clearbooks__documents') }} where gross <> 0
    union all
    select business_id, accounting_date, 'vat', sign * {{ clearbooks.to_home('vat', 'rate') }}
    from {{ ref('int_clearbooks__documents') }} where vat <> 0
    union all
    select
        business_id, accounting_date, case when side = 'sales' then 'debtors' else 'creditors' end,
        -home_amount
    from {{ ref('int_clearbooks__payments') }}
),

votes as (
    select t.business_id, e.role, t.account_id, count(*) as found
    from expected as e
    inner join {{ ref('int_clearbooks__transaction_accounts') }} as t
        on t.business_id = e.business_id and t.accounting_date = e.accounting_date and t.amount = e.amount
    left join {{ ref('stg_clearbooks__bank_accounts') }} as b
        on b.business_id = t.business_id and b.account_code = t.account_id
    where b.id is null
    group by t.business_id, e.role, t.account_id
),

ranked as (
    select *, row_number() over (partition by business_id, role order by found desc, account_id) as place
    from votes
),

roles as (
    select distinct business_id, role
    from {{ ref('stg_clearbooks__transaction_lines') }}
    cross join (select 'debtors' as role union all select 'creditors' union all select 'vat') as names
),

overruled as (
    select business_id, role, {{ clearbooks.overruled_control_account() }} as account_id from roles
)

select
    o.business_id, o.role, coalesce(o.account_id, r.account_id) as account_id,
    case when o.account_id is null then r.found end as found
from overruled as o
left join ranked as r on r.business_id = o.business_id and r.role = o.role and r.place = 1
where coalesce(o.account_id, r.account_id) is not null
