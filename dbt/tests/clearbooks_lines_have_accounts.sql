-- Every line is of an account of the chart, or of one that was archived since; and every transaction
-- has its lines.
with departed as ({{ clearbooks.departed('account_codes') }})

select a.business_id, a.account_id as id, 'postings on an account that is not in the chart' as fault
from {{ ref('int_clearbooks__accounts') }} as a
left join departed as d on d.business_id = a.business_id and d.id = a.account_id
where not a.is_in_chart and d.id is null
union all
select t.business_id, t.id, 'a transaction without lines'
from {{ ref('stg_clearbooks__transactions') }} as t
left join {{ ref('stg_clearbooks__transaction_lines') }} as l
    on l.business_id = t.business_id and l.transaction_id = t.id
where l.transaction_id is null
union all
select l.business_id, l.transaction_id, 'lines without a transaction'
from {{ ref('stg_clearbooks__transaction_lines') }} as l
left join {{ ref('stg_clearbooks__transactions') }} as t
    on t.business_id = l.business_id and t.id = l.transaction_id
where t.id is null and exists (select 1 from {{ ref('stg_clearbooks__transactions') }})
