"""Singer target for Clear Books; `write` is the same as a library call."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_clearbooks.library import write
    from target_clearbooks.messages import Result

__all__ = ["Result", "write"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        # Imported when first used, so that `--about` and `spec` stay fast.
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from target_clearbooks import library

        return getattr(library, name)
