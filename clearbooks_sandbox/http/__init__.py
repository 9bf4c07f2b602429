"""The API over HTTP: routing, authorisation, throttling, faults, and the server."""
