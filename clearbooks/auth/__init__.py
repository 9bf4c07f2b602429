"""How a program is authorised: consent, the chain of tokens, and the stores that keep it."""

from clearbooks.auth.chain import Chain, Name, fingerprint
from clearbooks.auth.consent import Consent, begin_consent, finish_consent
from clearbooks.auth.renewal import not_connected
from clearbooks.auth.token_source import TokenSource, describe
from clearbooks.auth.token_store import TokenStore, move_chains, open_store
from clearbooks.auth.token_store_file import FileTokenStore

__all__ = [
    "Chain",
    "Consent",
    "FileTokenStore",
    "Name",
    "TokenSource",
    "TokenStore",
    "begin_consent",
    "describe",
    "fingerprint",
    "finish_consent",
    "move_chains",
    "not_connected",
    "open_store",
]
