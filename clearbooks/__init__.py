"""What every Clear Books program shares: contract, client, tokens, pacing, errors."""

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "clearbooks-connectors"

try:
    __version__ = version(DISTRIBUTION)
except PackageNotFoundError:  # pragma: no cover - a source tree that nobody installed
    __version__ = "0+unknown"
