-- Accounts with postings whose heading fits no range of the seed: they are in the reports as
-- `unmapped`. Add a row to a seed of your own and name it in `clearbooks_account_headings`.
select distinct a.business_id, a.account_id, a.name, a.heading
from {{ ref('int_clearbooks__accounts') }} as a
inner join {{ ref('int_clearbooks__movements') }} as m
    on m.business_id = a.business_id and m.account_id = a.account_id
where a.class = 'unmapped'
