"""What the commands of the target share: its options, connection, state store and session."""

from __future__ import annotations

import functools
import signal
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from clearbooks.errors import ClearBooksError, SettingError, exit_code_of
from clearbooks.program import keep_options
from clearbooks.settings import connection_properties
from clearbooks_app.config import Settings, find_account, load_settings, require_connected
from target_clearbooks.settings import (
    TargetSettings,
    dry_run_in_environment,
    target_properties,
)
from target_clearbooks.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from clearbooks.settings import Connection
    from target_clearbooks.session import Session
    from target_clearbooks.store import Store


def target_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command of the target; the command gets `settings` and `as_json`."""

    @click.option(
        "--config",
        "configs",
        multiple=True,
        metavar="FILE",
        help="JSON file of settings, as for the target; ENV for the environment (the default).",
    )
    @click.option("--state-store", metavar="WHERE", help="The state store, instead of the setting.")
    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
    @functools.wraps(function)
    def wrapper(*, configs: tuple[str, ...], state_store: str | None, **rest: Any) -> Any:
        keep_options(writes=True, state_store=state_store)
        settings = load_settings(configs, {**connection_properties(), **target_properties()})
        settings = settings.with_values("--state-store", state_store=state_store)
        return function(settings=settings, **rest)

    return wrapper


def target_connection(settings: Settings) -> Connection:
    """The connection of the settings, with the application found in the token store."""
    account = find_account(settings)
    require_connected(account)
    own = settings.connection()
    # Timeout and tries of the settings, not those of `for_interactive_use`: a write that is given
    # up too soon is one whose outcome is uncertain.
    return replace(
        account.connection,
        max_tries=own.max_tries,
        request_timeout=own.request_timeout,
        max_wait=own.max_wait,
    )


def state_store(settings: Settings) -> AbstractContextManager[Store]:
    """The state store of the settings, to be read; closed at the end of the block.

    Raises:
        NoStoreError: there is none yet.
        SettingError: it cannot be opened, or a newer program has written it.
    """
    location = TargetSettings.from_config(settings.values).state_store
    return closing(open_store(location, write=False))


def chosen_business(settings: Settings, business: int | None) -> int:
    """The business that a command is about.

    Raises:
        SettingError: there are several, and none was named.
    """
    chosen = settings.connection().business_ids
    if business is not None:
        return business
    if len(chosen) == 1:
        return chosen[0]
    raise SettingError("--business: name the business, or set business_ids to one")


class InterruptError(ClearBooksError):
    """Ctrl-C; the text says what became of the work."""

    exit_code = 128 + signal.SIGINT


def run_session(settings: Settings, work: Callable[[Session], None]) -> tuple[int, Any]:
    """Carry out a plan in a session of the target; returns its exit code and its summary.

    Args:
        settings: From `load_settings`, with those of the target.
        work: Called once what an earlier run left open is settled.

    Raises:
        InterruptError: Ctrl-C.
        ClearBooksError: whatever else ended the run.
    """
    # Imported here, since the commands that only list runs need none of it.
    from target_clearbooks.session import Session

    if dry_run_in_environment():
        raise SettingError(
            "TARGET_CLEARBOOKS_DRY_RUN asks for a dry run, so nothing was sent; unset it to carry "
            "a plan out"
        )
    target = replace(TargetSettings.from_config(settings.values), dry_run=False)
    with Session(target_connection(settings), target, "apply") as session:
        try:
            session.recover()
            work(session)
        except KeyboardInterrupt:
            session.finish_flights()
            stopped = InterruptError(
                "stopped; what was sent until then is kept, and the same command goes on from there"
            )
            session.end(stopped.exit_code, stopped)
            raise stopped from None
        except BaseException as error:
            session.finish_flights()
            session.end(exit_code_of(error), error)
            raise
        code = session.exit_code()
        session.end(code)
        return code, session.summary(code)
