"""`python -m tools.demo`: runs every part of the demonstration against one sandbox."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from functools import partial
from pathlib import Path

from clearbooks_sandbox import AccountingEngine, running
from clearbooks_sandbox.demo import build
from tools.demo import read_ledger, write_back
from tools.demo.stage import FOLDER, Failed, Stage, say


def _stopped(*_: object) -> None:
    """Turn SIGTERM into an exception, so that everything started is ended."""
    raise KeyboardInterrupt


def main() -> int:
    """Run the demonstration; 0 when every check held."""
    parser = argparse.ArgumentParser(prog="make demo", description="Shows the connectors at work.")
    parser.add_argument("--stay", action="store_true", help="keep the sandbox up at the end")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where everything is put")
    parser.add_argument("--whole", action="store_true", help="write all of the examples' files")
    options = parser.parse_args()
    # Each part is given the same stage and tells its own story; they run in this order.
    parts = (read_ledger.show, partial(write_back.show, whole=options.whole))
    folder: Path = options.folder.resolve()
    if folder != FOLDER and folder.exists() and any(folder.iterdir()):
        parser.error(f"{folder} is not empty")
    signal.signal(signal.SIGTERM, _stopped)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        engine = AccountingEngine()
        business, _ = build(engine)
        with running(engine) as sandbox:
            for part in parts:
                part(Stage(sandbox, business, folder))
            if options.stay:
                _stay(sandbox.site)
    except Failed as failure:
        say(f"\nFailed: {failure}")
        _tidy(folder)
        return 1
    except KeyboardInterrupt:
        say("\nStopped; nothing is left running.")
        _tidy(folder)
        return 130
    return 0


def _stay(site: str) -> None:
    try:
        say(f"\nThe sandbox stays up: {site}/books/ shows its books. Ctrl-C ends it.")
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        say("\nThe sandbox is down.")


def _tidy(folder: Path) -> None:
    """Leave only the logs of a run that did not come to its end."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.suffix != ".log":
            path.unlink()


if __name__ == "__main__":
    sys.exit(main())
