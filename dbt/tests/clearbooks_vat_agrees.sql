-- VAT of documents by accounting date equals the movement of the VAT accounts in every month.
select * from {{ ref('vat_reconciliation') }} where difference <> 0
