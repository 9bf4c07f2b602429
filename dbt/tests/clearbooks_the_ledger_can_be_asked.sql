{{ config(severity='warn') }}
-- Businesses with lines and without a row of `account_balances`: the stream is not selected, and
-- nothing proves the build.
select distinct business_id from {{ ref('stg_clearbooks__transaction_lines') }}
where business_id not in (select business_id from {{ ref('stg_clearbooks__account_balances') }})
