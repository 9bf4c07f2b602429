-- Payments with their value at home and the side whose control account they are posted to. Money
-- out is a supplier's unless the contact is only a customer (a refund), money in the other way round.
{% set home = "'" ~ var('clearbooks_home_currency') ~ "'" %}
with payments as (
    select
        p.business_id, p.id as payment_id, p.date, coalesce(p.accounting_date, p.date) as accounting_date,
        p.description, p.amount, coalesce(p.currency, {{ home }}) as currency,
        cast(case when coalesce(p.currency, {{ home }}) = {{ home }} then 1
            else coalesce(nullif(p.exchange_rate, 0), 1) end as decimal(18, 8)) as rate,
        p.contact_id, p.bank_account_id, b.name as bank_account, b.account_code,
        case
            when p.amount < 0 and s.id is null and c.id is not null then 'sales'
            when p.amount < 0 then 'purchases'
            when c.id is null and s.id is not null then 'purchases'
            else 'sales'
        end as side
    from {{ ref('stg_clearbooks__payments') }} as p
    left join {{ ref('stg_clearbooks__customers') }} as c
        on c.business_id = p.business_id and c.id = p.contact_id
    left join {{ ref('stg_clearbooks__suppliers') }} as s
        on s.business_id = p.business_id and s.id = p.contact_id
    left join {{ ref('stg_clearbooks__bank_accounts') }} as b
        on b.business_id = p.business_id and b.id = p.bank_account_id
    where p.amount <> 0
)

select *, {{ clearbooks.to_home('amount', 'rate') }} as home_amount
from payments
