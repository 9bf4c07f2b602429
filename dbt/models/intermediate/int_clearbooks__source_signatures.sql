-- What a document or payment must have posted, as one text to compare, and the same with signs turned.
with signatures as (
    select
        business_id, side, kind, source_id, basis,
        string_agg(account_id || ':' || amount, ',' order by account_id) as signature,
        string_agg(account_id || ':' || -amount, ',' order by account_id) as opposite
    from {{ ref('int_clearbooks__expected_postings') }}
    group by business_id, side, kind, source_id, basis
)

select
    s.*, coalesce(d.accounting_date, p.accounting_date) as accounting_date,
    coalesce(d.has_namesake, false) as has_namesake, coalesce(d.rate, 1) <> 1 as is_foreign
from signatures as s
left join {{ ref('int_clearbooks__documents') }} as d
    on d.business_id = s.business_id and d.side = s.side and d.kind = s.kind and d.document_id = s.source_id
left join {{ ref('int_clearbooks__payments') }} as p
    on p.business_id = s.business_id and p.payment_id = s.source_id and s.kind = 'payment'
