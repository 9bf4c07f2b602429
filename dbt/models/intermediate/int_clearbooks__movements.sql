-- What was posted to each account on each day. A load with `start_date` begins with the balances up
-- to the day before it. Reports are built from here on only where the lines were proved:
-- depends_on: {{ ref('int_clearbooks__balance_proof') }}
select
    business_id, account_code_id as account_id, accounting_date as date, false as is_opening,
    {{ clearbooks.total('amount') }} as amount
from {{ ref('stg_clearbooks__transaction_lines') }}
group by business_id, account_code_id, accounting_date
union all
select business_id, account_code_id, accounting_date_to, true, balance
from {{ ref('stg_clearbooks__account_balances') }}
where accounting_date_from = {{ clearbooks.first_day_of_all() }} and balance <> 0
