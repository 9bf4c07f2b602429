"""`python -m target_clearbooks`."""

from target_clearbooks.target import main

main()
