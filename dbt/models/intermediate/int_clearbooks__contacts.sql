-- Customers and suppliers. One that is both has a row on either side.
select 'sales' as side, * from {{ ref('stg_clearbooks__customers') }}
union all
select 'purchases', * from {{ ref('stg_clearbooks__suppliers') }}
