-- What was open of each item at each report date. The balance at a day comes from allocations, never
-- from the document's `due`, which tells of the day of loading alone.
with daily as (
    select
        business_id, side, kind, item_id, accounting_date as since,
        {{ clearbooks.total('amount') }} as amount, {{ clearbooks.total('home_amount') }} as home_amount
    from {{ ref('int_clearbooks__open_item_events') }}
    group by business_id, side, kind, item_id, accounting_date
),

running as (
    select
        business_id, side, kind, item_id, since,
        lead(since) over item as until,
        cast(sum(amount) over item as decimal(18, 2)) as balance,
        cast(sum(home_amount) over item as decimal(18, 2)) as home_balance
    from daily
    window item as (partition by business_id, side, kind, item_id order by since)
)

select
    d.business_id, d.date, r.side, r.kind, r.item_id, i.number, i.reference, i.contact_id, i.currency,
    i.accounting_date, i.date_due, r.balance, r.home_balance
from running as r
inner join {{ ref('int_clearbooks__report_dates') }} as d
    on d.business_id = r.business_id and d.date >= r.since and (r.until is null or d.date < r.until)
inner join {{ ref('int_clearbooks__open_items') }} as i
    on i.business_id = r.business_id and i.side = r.side and i.kind = r.kind and i.item_id = r.item_id
where r.balance <> 0 or r.home_balance <> 0
