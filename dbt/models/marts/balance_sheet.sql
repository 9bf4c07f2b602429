-- Assets, liabilities and equity at every report date. The profit is split by the year that holds the
-- report's date, never by today's: what was reported once stays as it was. `balance` has the ledger's
-- signs and sums to 0; `amount` is positive as people read it.
with lines as (
    select business_id, date, year_start, class, section, position, account_id, account, rolled as balance
    from {{ ref('trial_balance') }}
    where class not in ('income', 'expense')
    union all
    select
        business_id, date, year_start, 'equity', 'Profit of the year', 340, null, 'Profit of the year',
        {{ clearbooks.total('rolled') }}
    from {{ ref('trial_balance') }}
    where class in ('income', 'expense')
    group by business_id, date, year_start
)

select *, case when class in ('liability', 'equity') then -balance else balance end as amount
from lines
where balance <> 0
