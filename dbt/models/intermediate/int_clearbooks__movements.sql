-- What was posted to each account on each day. A load with `start_date` begins with the balances of
-- all before it, of which the earliest count. Reports are built from here on only where the lines were
-- proved: depends_on: {{ ref('int_clearbooks__balance_proof') }}
with openings as (
    select business_id, min(accounting_date_to) as date
    from {{ ref('stg_clearbooks__account_balances') }}
    where accounting_date_from = {{ clearbooks.first_day_of_all() }}
    group by business_id
)

select
    business_id, account_code_id as account_id, accounting_date as date, false as is_opening,
    {{ clearbooks.total('amount') }} as amount
from {{ ref('stg_clearbooks__transaction_lines') }}
group by business_id, account_code_id, accounting_date
union all
select b.business_id, b.account_code_id, b.accounting_date_to, true, b.balance
from {{ ref('stg_clearbooks__account_balances') }} as b
inner join openings as o on o.business_id = b.business_id and o.date = b.accounting_date_to
where b.accounting_date_from = {{ clearbooks.first_day_of_all() }} and b.balance <> 0
