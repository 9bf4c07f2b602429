"""Many businesses of many users, for what reads and writes them with several workers."""
