"""From a warehouse record to an intent for the ledger."""
