"""What people do with connections, runs, plans and mappings, as functions that return values.

The command `clearbooks` and its page stand on these and only show what they answer.
"""
