"""What is said at the end of a run: what became of the records, and what to do next."""

from __future__ import annotations

import logging
import shlex
import sys
from typing import TYPE_CHECKING, Any

from clearbooks.exact_json import dumps
from clearbooks.program import command, store_command
from target_clearbooks.deliver.reject_report import MOST_LOGGED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_clearbooks.settings import TargetSettings

logger = logging.getLogger("target-clearbooks")

PLANNED = {
    "written": "to create",
    "updated": "to update",
    "voided": "to void",
    "replaced": "to replace",
    "reversed": "to reverse",
}
"""What a dry run counts under the words of a run that writes."""


def tell(summary: Mapping[str, Any], settings: TargetSettings, refused: int) -> None:
    """Say what a run came to: in the log, and where people look at it as a table.

    Args:
        summary: See `Session.summary`.
        settings: Of the target.
        refused: How many refusals there were in the run.
    """
    dry = summary.get("dry_run", False)
    logger.info("%s %s", "PLAN summary" if dry else "summary", dumps(summary))
    if dry:
        logger.info("PLAN: %s", _plan(summary))
    for words in _next_steps(summary, settings, refused):
        logger.warning("%s", words)
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write(_table(summary))


def _plan(summary: Mapping[str, Any]) -> str:
    path = summary["plan"]
    if not summary["whole"]:
        return (
            f"the dry run did not come to its end: nothing was sent, and {path} cannot be carried "
            "out; make it anew"
        )
    apply = store_command(f"clearbooks apply {shlex.quote(path)}")
    return f"dry run: nothing was sent; the plan is {path}, and `{apply}` carries it out"


def _next_steps(
    summary: Mapping[str, Any], settings: TargetSettings, refused: int
) -> Iterator[str]:
    """Where reasons are, and the command that comes next, ready to be typed."""
    if refused > MOST_LOGGED:
        yield f"{refused - MOST_LOGGED} more were not written"
    show = f"`{store_command('clearbooks syncs show ' + summary['run'])}`"
    if summary.get("dry_run"):
        if refused:
            yield f"all reasons: {summary['plan']}"
        return
    if refused and settings.rejects_path is not None:
        path = shlex.quote(str(settings.rejects_path))
        again = f"mv {path} repaired.jsonl && {command('target-clearbooks')} < repaired.jsonl"
        yield f"all reasons: {path}; once the records in it are repaired: `{again}`"
    elif refused:
        yield f"all reasons: {show}"
    if summary["left"]:
        left = ", ".join(f"{number} {state}" for state, number in summary["left"].items())
        yield f"left open: {left}; see: {show}"


def _table(summary: Mapping[str, Any]) -> str:
    lines = [f"Run {summary['run']}"]
    if "plan" in summary:
        lines = [f"PLAN: {_plan(summary)}"]
    for stream, counts in summary["streams"].items():
        words = ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
        sums = summary.get("comes_to", {}).get(stream, {})
        comes_to = ", ".join(f"{amount} {code}" for code, amount in sums.items())
        lines.append(f"  {stream:22}{words}{f', comes to {comes_to}' if comes_to else ''}")
    return "\n".join(lines) + "\n"
