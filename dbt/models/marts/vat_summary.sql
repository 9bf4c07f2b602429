-- The boxes of a VAT return by quarter, from document lines by tax point (invoice accounting). Not the
-- return itself: what was submitted, and which scheme a business is in, the API does not tell.
-- `unmapped` is what has a VAT treatment that the seed of boxes does not know.
with quarters as (
    select
        business_id, {{ clearbooks.vat_period_end('date') }} as period_end, box, amount, is_mapped, net, vat
    from {{ ref('int_clearbooks__vat_lines') }}
),

boxes as (
    select
        business_id, period_end
        {%- for box in [1, 2, 4, 6, 7, 8, 9] %},
        {{ clearbooks.total('case when box = ' ~ box ~ ' then amount end') }} as box_{{ box }}
        {%- endfor %},
        {{ clearbooks.total('case when not is_mapped then net end') }} as unmapped_net,
        {{ clearbooks.total('case when not is_mapped then vat end') }} as unmapped_vat
    from quarters
    group by business_id, period_end
)

select
    business_id, period_end, box_1, box_2, box_1 + box_2 as box_3, box_4, box_1 + box_2 - box_4 as box_5
    {%- for box in [6, 7, 8, 9] %},
    -- In whole pounds, as the form has them.
    cast(trunc(box_{{ box }}) as bigint) as box_{{ box }}
    {%- endfor %},
    unmapped_net, unmapped_vat
from boxes
