-- Debtors and creditors equal their control accounts at every report date. A journal on a control
-- account is the one honest reason for a difference: then it is there in Clear Books' report, too.
select * from {{ ref('control_accounts') }} where not agrees
