{{ config(severity='warn') }}
-- Live documents and payments with a value of which no transaction was found.
select business_id, side, kind, source_id, accounting_date
from {{ ref('int_clearbooks__transaction_sources') }}
where match = 'none' and not is_dead
