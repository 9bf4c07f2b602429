-- Which transaction a document or payment is in; the API does not say. They are brought together by
-- date and by what was posted, account by account. Of several that are alike the n-th finds the n-th,
-- in the order of their IDs (`twin`); earlier revisions come last, so that they find none.
-- What was voided is in the ledger twice, the second time reversed: a reversal is a transaction with
-- the opposite postings that no document or payment claims.
with bases as (
    -- How this server rounds: as more of the foreign documents are found.
    select
        s.business_id, s.basis,
        row_number() over (partition by s.business_id order by count(t.transaction_id) desc, s.basis) as place
    from {{ ref('int_clearbooks__source_signatures') }} as s
    left join {{ ref('int_clearbooks__transaction_signatures') }} as t
        on t.business_id = s.business_id and t.accounting_date = s.accounting_date and t.signature = s.signature
    where s.is_foreign
    group by s.business_id, s.basis
),

-- Both in one table: counting and numbering need no join then.
entries as (
    select
        business_id, accounting_date, signature, opposite, transaction_id, null as side, null as kind,
        cast(null as bigint) as source_id, null as basis, false as has_namesake
    from {{ ref('int_clearbooks__transaction_signatures') }}
    union all
    select
        s.business_id, s.accounting_date, s.signature, s.opposite, null, s.side, s.kind, s.source_id,
        s.basis, s.has_namesake
    from {{ ref('int_clearbooks__source_signatures') }} as s
    left join bases as b on b.business_id = s.business_id and b.place = 1
    where not s.is_foreign or s.basis = b.basis
),

counted as (
    select
        *,
        count(transaction_id) over alike as found,
        count(source_id) over alike as claims,
        count(transaction_id) over either - count(transaction_id) over alike as opposite_found,
        count(source_id) over either - count(source_id) over alike as opposite_claims
    from entries
    window
        alike as (partition by business_id, accounting_date, signature),
        either as (partition by business_id, accounting_date, least(signature, opposite))
),

living as (
    select *, greatest(0, found - greatest(0, opposite_found - opposite_claims)) as live
    from counted
),

numbered as (
    select
        *,
        -- The newest transactions are the live ones, numbered from 1 in rising order.
        case when source_id is null then live + 1 else 0 end
        + case when source_id is null then -1 else 1 end * row_number() over (
            partition by business_id, accounting_date, signature, source_id is null
            order by has_namesake, transaction_id desc, source_id, side, kind
        ) as place
    from living
),

paired as (
    select
        business_id, accounting_date, max(transaction_id) as transaction_id, max(side) as side,
        max(kind) as kind, max(source_id) as source_id, max(basis) as basis, max(live) as live,
        max(claims) as claims, max(found) as found, max(case when has_namesake then 1 else 0 end) = 1 as has_namesake
    from numbered
    where place >= 1
    group by business_id, accounting_date, signature, place
)

select
    business_id, side, kind, source_id, basis, accounting_date, transaction_id,
    case when transaction_id is null then 'none' when live = 1 and claims = 1 then 'exact' else 'twin' end as match,
    -- Not found, although it was posted once: reversed since, or posted again for a later revision.
    transaction_id is null and (found > 0 or has_namesake) as is_dead
from paired
where source_id is not null
