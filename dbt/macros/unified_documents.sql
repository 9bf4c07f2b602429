{#- Live documents of some kinds as the aggregators have them; `rows` is a condition on `d`. -#}
{% macro unified_documents(rows) %}
    select
        d.business_id || '-' || d.side || '-' || d.kind || '-' || d.document_id as id,
        case d.kind when 'expense' then 'bill' else d.kind end as type,
        d.business_id || '-contact-' || d.side || '-' || d.contact_id as contact,
        d.number, d.date as issue_date, d.date_due as due_date, d.date_paid as paid_on_date,
        d.description as memo, d.reference, d.business_id as company, d.currency,
        d.rate as exchange_rate, d.net as sub_total, d.vat as total_tax_amount, d.gross as total_amount,
        abs(coalesce(o.balance, 0)) as balance, case when coalesce(o.balance, 0) = 0 then 'paid' else 'open' end as status,
        d.line_items, {{ clearbooks.unknown(['total_discount'], 'decimal(18, 2)') }},
        {{ clearbooks.unknown(['created_at', 'updated_at', 'tracking_categories']) }}
    from {{ ref('int_clearbooks__documents') }} as d
    inner join {{ ref('int_clearbooks__open_items') }} as i
        on i.business_id = d.business_id and i.side = d.side and i.kind = d.kind and i.item_id = d.document_id
    left join (
        select business_id, side, kind, item_id, {{ clearbooks.total('amount') }} as balance
        from {{ ref('int_clearbooks__open_item_events') }} group by business_id, side, kind, item_id
    ) as o on o.business_id = d.business_id and o.side = d.side and o.kind = d.kind and o.item_id = d.document_id
    where {{ rows }}
{% endmacro %}
