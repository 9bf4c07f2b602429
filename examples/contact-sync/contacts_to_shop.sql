-- Contacts for the shop: those of the ledger, by the number that the shop knows them by
SELECT
    businessId AS business,
    -- The part behind the source, as in `contacts:BEL001`.
    coalesce(nullif(split_part(externalId, ':', 2), ''), id::VARCHAR) AS shop_id,
    name,
    email,
    phone
FROM customers
ORDER BY business, shop_id
