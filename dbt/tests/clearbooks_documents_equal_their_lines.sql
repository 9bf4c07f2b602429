-- Net, VAT and gross of every document are those of its lines.
with sums as (
    select business_id, side, kind, document_id, sum(net) as net, sum(vat) as vat
    from {{ ref('int_clearbooks__document_lines') }}
    group by business_id, side, kind, document_id
)

select d.business_id, d.side, d.kind, d.document_id, d.net, s.net as lines_net, d.vat, s.vat as lines_vat, d.gross
from {{ ref('int_clearbooks__documents') }} as d
left join sums as s
    on s.business_id = d.business_id and s.side = d.side and s.kind = d.kind and s.document_id = d.document_id
where d.net <> coalesce(s.net, 0) or d.vat <> coalesce(s.vat, 0) or d.gross <> d.net + d.vat
