"""What the ledger holds, as far as it was read: lists, and whether a record of it is the one."""
