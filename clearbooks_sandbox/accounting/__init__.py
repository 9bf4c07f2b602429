"""The books: every operation of the contract, carried out on a double-entry ledger in SQLite."""
