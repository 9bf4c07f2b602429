{{ config(severity='warn') }}
-- A period that is still open may move between the reading of its lines and of its balances.
select * from {{ ref('int_clearbooks__balance_proof') }}
where difference <> 0 and not is_closed
