-- The ledger's own sums, by account and period, beside those of the lines that were loaded. A line that
-- lies in no period that was loaded has nothing to be proved by: its row has no period.
with periods as (
    select distinct business_id, accounting_date_from as period_start, accounting_date_to as period_end
    from {{ ref('stg_clearbooks__account_balances') }}
    where accounting_date_from <> {{ clearbooks.first_day_of_all() }}
),

days as (
    select business_id, account_code_id as account_id, accounting_date, {{ clearbooks.total('amount') }} as amount
    from {{ ref('stg_clearbooks__transaction_lines') }}
    group by business_id, account_code_id, accounting_date
),

sums as (
    select business_id, accounting_date_from as period_start, accounting_date_to as period_end,
        account_code_id as account_id, balance as ledger, 0 as lines
    from {{ ref('stg_clearbooks__account_balances') }}
    where accounting_date_from <> {{ clearbooks.first_day_of_all() }}
    union all
    select d.business_id, p.period_start, p.period_end, d.account_id, 0, d.amount
    from days as d
    left join periods as p
        on p.business_id = d.business_id and d.accounting_date between p.period_start and p.period_end
)

select
    business_id, period_start, period_end, account_id, {{ clearbooks.total('ledger') }} as ledger,
    {{ clearbooks.total('lines') }} as lines, {{ clearbooks.total('ledger - lines') }} as difference,
    -- What was posted while the stream was read makes an honest difference in a period that is open.
    coalesce(period_end < current_date, true) as is_closed
from sums
group by business_id, period_start, period_end, account_id
