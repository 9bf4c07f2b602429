"""A stand-in Clear Books to run against: API, consent page, and the books on a web page.

`Engine` carries out any operation of the contract on a real double-entry ledger in SQLite;
`create_app` puts HTTP and OAuth before it; `running` serves it from a thread, for tests.
"""
