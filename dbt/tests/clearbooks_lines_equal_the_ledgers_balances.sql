-- The test that matters: the API's own sums of every closed period, account by account, are those of
-- the lines that were loaded. Nothing else sees a penny that moved between two accounts.
select * from {{ ref('int_clearbooks__balance_proof') }}
where difference <> 0 and is_closed
and business_id in (select business_id from {{ ref('stg_clearbooks__account_balances') }})
