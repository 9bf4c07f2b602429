-- The account of every bank account that has payments. One that was closed leaves the API with its
-- account code; then it is the account, control accounts apart, on which most of its payments find
-- their amount.
with votes as (
    select p.business_id, p.bank_account_id, t.account_id, count(*) as found
    from {{ ref('int_clearbooks__payments') }} as p
    inner join {{ ref('int_clearbooks__transaction_accounts') }} as t
        on t.business_id = p.business_id and t.accounting_date = p.accounting_date
        and t.amount = p.home_amount
    where p.account_code is null
    group by p.business_id, p.bank_account_id, t.account_id
),

ranked as (
    select
        v.business_id, v.bank_account_id, v.account_id,
        row_number() over (
            partition by v.business_id, v.bank_account_id order by v.found desc, v.account_id
        ) as place
    from votes as v
    left join {{ ref('int_clearbooks__control_accounts') }} as c
        on c.business_id = v.business_id and c.account_id = v.account_id
    where c.role is null
)

select distinct business_id, bank_account_id, account_code as account_id
from {{ ref('int_clearbooks__payments') }} where account_code is not null
union all
select business_id, bank_account_id, account_id from ranked where place = 1
