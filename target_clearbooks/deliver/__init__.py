"""From an intent to the ledger: decided, sent once, settled and put down."""
