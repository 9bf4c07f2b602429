"""Singer tap for every readable Clear Books resource; `read` is the same as a library call."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_clearbooks.failures import Failure
    from tap_clearbooks.library import Result, read

__all__ = ["Failure", "Result", "read"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        # Imported when first used: the SDK takes a second, and `spec` and the settings need none.
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from tap_clearbooks import failures, library

        return getattr(failures if name == "Failure" else library, name)
