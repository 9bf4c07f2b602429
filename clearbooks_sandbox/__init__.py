"""A stand-in Clear Books to run against: the API, the consent page, and the books as web pages.

`running` serves a sandbox from a thread, for tests; `create_app`, `listen` and `serve` run one from
a program. `AccountingEngine` carries out the API's operations without HTTP.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clearbooks_sandbox.accounting.engine import AccountingEngine
    from clearbooks_sandbox.accounting.features import FEATURES
    from clearbooks_sandbox.accounting.storage import DatabaseInUseError
    from clearbooks_sandbox.dialects import DIALECTS
    from clearbooks_sandbox.http.app import create_app
    from clearbooks_sandbox.http.faults import FAULTS
    from clearbooks_sandbox.http.server import RunningSandbox, listen, running, serve
    from clearbooks_sandbox.options import API_PATH, CONSENT_PATH, TOKEN_PATH, Options

__all__ = [
    "API_PATH",
    "CONSENT_PATH",
    "DIALECTS",
    "FAULTS",
    "FEATURES",
    "TOKEN_PATH",
    "AccountingEngine",
    "DatabaseInUseError",
    "Options",
    "RunningSandbox",
    "create_app",
    "listen",
    "running",
    "serve",
]

_MODULES = {
    "accounting.engine": ("AccountingEngine",),
    "accounting.features": ("FEATURES",),
    "accounting.storage": ("DatabaseInUseError",),
    "dialects": ("DIALECTS",),
    "http.app": ("create_app",),
    "http.faults": ("FAULTS",),
    "http.server": ("RunningSandbox", "listen", "running", "serve"),
    "options": ("API_PATH", "CONSENT_PATH", "TOKEN_PATH", "Options"),
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        # Imported when first used: the server needs the `sandbox` extra, the rest does not.
        for module, names in _MODULES.items():
            if name in names:
                return getattr(import_module(f"{__name__}.{module}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
