-- The documents of the ledger, sales and purchases in one table. Their IDs are unique within a side
-- and kind only. Drafts and quotes are not in the ledger; what servers call a voided document
-- differs, so it goes by the beginning of the word.
{% set kinds = [
    ('sales_invoices', 'sales', 'invoice', 'customer_id'),
    ('sales_credit_notes', 'sales', 'credit_note', 'customer_id'),
    ('bills', 'purchases', 'bill', 'supplier_id'),
    ('purchase_credit_notes', 'purchases', 'credit_note', 'supplier_id'),
    ('expenses', 'purchases', 'expense', 'supplier_id'),
] %}
{% set home = "'" ~ var('clearbooks_home_currency') ~ "'" %}
with documents as (
    {% for stream, side, kind, contact in kinds %}
    select
        business_id, '{{ side }}' as side, '{{ kind }}' as kind, id as document_id,
        coalesce(formatted_document_number, document_number) as number, document_number,
        date, coalesce(date_accrual, date) as accounting_date, date_due, date_paid,
        {{ contact }} as contact_id, status, reference, description, vat_treatment,
        coalesce(currency, {{ home }}) as currency, exchange_rate,
        coalesce(gross, 0) as gross, coalesce(net, 0) as net, coalesce(vat, 0) as vat, due,
        line_items
    from {{ ref('stg_clearbooks__' ~ stream) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    *,
    -- Units of the currency for one pound; a server may leave it out, or send 0, for pounds.
    cast(case when currency = {{ home }} then 1 else coalesce(nullif(exchange_rate, 0), 1) end
        as decimal(18, 8)) as rate,
    -- Sign of the document's net in the ledger: a sale credits its accounts.
    case when side = 'sales' then -1 else 1 end * case when kind = 'credit_note' then -1 else 1 end
        as sign,
    -- A later revision has the same number, contact and kind under a greater ID.
    document_number is not null and lead(document_id) over (
        partition by business_id, side, kind, contact_id, document_number order by document_id
    ) is not null as has_namesake
from documents
where lower(coalesce(status, '')) <> 'draft' and lower(coalesce(status, '')) not like 'void%'
