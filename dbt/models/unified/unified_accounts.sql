{{ config(enabled=var('clearbooks_unified')) }}
-- Accounts. `current_balance` is the sum of all that was posted.
select
    a.business_id || '-account-' || a.account_id as id,
    a.name, case a.class when 'income' then 'revenue' else a.class end as classification,
    a.section as type, case when a.is_in_chart then 'active' else 'archived' end as status,
    coalesce(b.balance, 0) as current_balance, '{{ var("clearbooks_home_currency") }}' as currency,
    cast(a.account_id as varchar) as account_number, {{ clearbooks.unknown(['parent_account', 'description']) }},
    a.business_id as company
from {{ ref('int_clearbooks__accounts') }} as a
left join (
    select business_id, account_id, {{ clearbooks.total('amount') }} as balance
    from {{ ref('int_clearbooks__movements') }} group by business_id, account_id
) as b on b.business_id = a.business_id and b.account_id = a.account_id
