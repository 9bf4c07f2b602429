"""Log records as LOG messages: a client may throw standard error away."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from typing_extensions import override

from airbyte_clearbooks.faults import masked

if TYPE_CHECKING:
    from airbyte_clearbooks.protocol import Output

_LEVELS = (
    (logging.CRITICAL, "FATAL"),
    (logging.ERROR, "ERROR"),
    (logging.WARNING, "WARN"),
    (logging.INFO, "INFO"),
    (logging.DEBUG, "DEBUG"),
)


class _LogMessages(logging.Handler):
    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    @override
    def emit(self, record: logging.LogRecord) -> None:
        level = next((name for least, name in _LEVELS if record.levelno >= least), "TRACE")
        log = {"level": level, "message": masked(record.getMessage())}
        if record.exc_info and record.exc_info[0] and logging.root.level <= logging.DEBUG:
            log["stack_trace"] = masked(logging.Formatter().formatException(record.exc_info))
        self._output.message("LOG", log=log)


def log_messages(output: Output, *, debug: bool) -> None:
    """Send what is logged from now on as LOG messages."""
    logging.root.handlers[:] = [_LogMessages(output)]
    logging.root.setLevel(logging.DEBUG if debug else logging.INFO)
    logging.captureWarnings(capture=True)
    logging.getLogger("urllib3").setLevel(logging.INFO)
    if not debug:
        # The SDK says with each sync what it syncs and how long it took; statuses say it here.
        for name in ("singer_sdk", "tap-clearbooks", "target-clearbooks"):
            logging.getLogger(name).setLevel(logging.WARNING)
        # And one line for each request, unless told otherwise here.
        for name in ("TAP_CLEARBOOKS_LOGLEVEL", "TARGET_CLEARBOOKS_LOGLEVEL"):
            os.environ.setdefault(name, "WARNING")
