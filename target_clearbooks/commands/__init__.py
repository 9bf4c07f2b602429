"""Plans carried out, runs taken back, and the map restored from the ledger."""
