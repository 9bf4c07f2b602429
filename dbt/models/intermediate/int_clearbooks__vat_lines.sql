-- Document lines with what they put into the boxes of a VAT return. Treatments are found by key, with
-- `S` or `P` in front as some answers have it, else by name. Lines on a VAT account are settlements.
{% set boxes = ref(var('clearbooks_vat_treatment_boxes')) %}
with treatments as (select distinct side, treatment, name from {{ boxes }}),

used as (
    select distinct business_id, side, vat_treatment from {{ ref('int_clearbooks__documents') }}
),

mapped as (
    select
        u.business_id, u.side, u.vat_treatment, t.treatment,
        row_number() over (
            partition by u.business_id, u.side, u.vat_treatment
            order by case when t.treatment = u.vat_treatment then 0 when t.name = v.name then 2 else 1 end
        ) as place
    from used as u
    left join {{ ref('stg_clearbooks__vat_treatments') }} as v
        on v.business_id = u.business_id and v.vat_type = u.side and v.key = u.vat_treatment
    left join treatments as t
        on t.side = u.side
        and (
            t.treatment = u.vat_treatment or t.name = v.name
            or case when u.side = 'sales' then 'S' else 'P' end || t.treatment = u.vat_treatment
        )
),

lines as (
    select
        l.business_id, l.side, l.kind, l.document_id, l.line_number, d.date, d.accounting_date,
        d.vat_treatment, m.treatment, l.vat_rate_key, l.account_id,
        {{ clearbooks.to_home('l.net', 'l.rate') }} * case when l.kind = 'credit_note' then -1 else 1 end as net,
        {{ clearbooks.to_home('l.vat', 'l.rate') }} * case when l.kind = 'credit_note' then -1 else 1 end as vat,
        {{ clearbooks.percent_of('l.vat_rate_key') }} as percent
    from {{ ref('int_clearbooks__document_lines') }} as l
    inner join {{ ref('int_clearbooks__documents') }} as d
        on d.business_id = l.business_id and d.side = l.side and d.kind = l.kind and d.document_id = l.document_id
    left join {{ ref('int_clearbooks__transaction_sources') }} as s
        on s.business_id = l.business_id and s.side = l.side and s.kind = l.kind and s.source_id = l.document_id
    left join mapped as m
        on m.business_id = d.business_id and m.side = d.side and m.vat_treatment = d.vat_treatment and m.place = 1
    left join {{ ref('int_clearbooks__accounts') }} as a
        on a.business_id = l.business_id and a.account_id = l.account_id
    where not coalesce(s.is_dead, false) and coalesce(a.section, '') <> 'VAT' and coalesce(a.role, '') <> 'vat'
)

select
    l.business_id, l.side, l.kind, l.document_id, l.line_number, l.date, l.accounting_date, l.account_id,
    l.vat_treatment, l.treatment is not null as is_mapped, l.vat_rate_key, l.net, l.vat, b.box,
    cast(case
        when b.takes = 'vat' then l.vat
        when b.takes = 'net' then l.net
        when b.takes = 'net_in_scope' and l.vat_rate_key not like '%:Out' then l.net
        when b.takes = 'notional' and l.vat_rate_key not like '%:Out' and l.vat_rate_key not like '%:Exempt'
            then {{ clearbooks.share_of('l.net', 'coalesce(nullif(l.percent, 0), b.notional_rate, 0)') }}
        else 0
    end as decimal(18, 2)) as amount
from lines as l
left join {{ boxes }} as b on b.side = l.side and b.treatment = l.treatment
