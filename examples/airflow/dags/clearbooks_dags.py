"""Two DAGs: read the books of every business, and write what the warehouse has for them."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import clearbooks_tasks as tasks
import msgspec
from airflow.sdk import TaskGroup, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from clearbooks.shards import Shard

if TYPE_CHECKING:
    from collections.abc import Sequence

# Businesses of a task: a start of a task costs a second, a business a tenth of one.
SIZE = int(os.environ.get("CLEARBOOKS_SHARD_SIZE", "25"))
POOL = "clearbooks"
# Of the budget, for first runs while daily ones need it.
FIRST_RUNS_PERCENT = 20
# A task that is tried again goes on at the business where it stopped.
AGAIN = {"retries": 8, "retry_delay": timedelta(seconds=5)}
# When runs begin, as cron has it; empty for never by themselves.
READ_AT = os.environ.get("CLEARBOOKS_READ_AT", "0 5 * * *") or None
WRITE_AT = os.environ.get("CLEARBOOKS_WRITE_AT", "0 7 * * *") or None
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def run_id() -> str:
    """Names the run in `books.done`, so that a retry finds what an earlier try has done."""
    context = get_current_context()
    return f"{context['dag'].dag_id} {context['run_id']}"


def label_and_shard(shard: dict[str, Any]) -> Shard:
    """The shard of a mapped task, whose label the grid then shows."""
    found = msgspec.convert(shard, Shard)
    get_current_context()["label"] = f"{found.application} {found.label}"
    return found


def settle(done: Sequence[tasks.Done]) -> None:
    """End the task as the exit codes say: 1 is tried again, the others want a person.

    Raises:
        AirflowException: a business is to be tried again.
        AirflowFailException: a business wants a person; a retry would not help.
    """
    told = [f"business {one.business}: exit code {one.code}: {one.message}" for one in done]
    again = [text for one, text in zip(done, told, strict=True) if one.code == 1]
    if again:
        raise AirflowException("\n".join(again))
    person = [text for one, text in zip(done, told, strict=True) if one.code]
    if person:
        raise AirflowFailException("\n".join(person))


@task
def list_reading(application: str, *, first: bool) -> list[dict[str, Any]]:
    """The shards to read: daily ones, or those of businesses that were never read."""
    found = tasks.reading(SIZE, application)
    return [msgspec.to_builtins(one) for one in found if one.first == first]


@task(map_index_template="{{ label }}", pool=POOL)
def read(shard: dict[str, Any], budget_percent: int) -> None:
    """Read the businesses of a shard."""
    settle(tasks.read_shard(run_id(), label_and_shard(shard), budget_percent))


@task
def list_writing(application: str) -> list[dict[str, Any]]:
    """The shards that there is something to write for."""
    return [msgspec.to_builtins(one) for one in tasks.writing(SIZE, application)]


@task(map_index_template="{{ label }}", pool=POOL)
def write(shard: dict[str, Any]) -> None:
    """Write what the outbox has for the businesses of a shard."""
    settle(tasks.write_shard(run_id(), label_and_shard(shard)))


@task(trigger_rule="all_done")
def sum_up() -> dict[str, Any]:
    """What the run came to; red where a business wants a person."""
    found = tasks.summary(run_id())
    logging.getLogger(__name__).info("%s", found)
    if found["for_a_person"]:
        raise AirflowFailException("\n".join(found["for_a_person"]))
    return found


@dag(schedule=READ_AT, start_date=BEGIN, catchup=False, max_active_runs=1, default_args=AGAIN)
def clearbooks_read() -> None:
    """Every business of every application: daily runs before first ones."""
    end = sum_up()
    for application in (one["client_id"] for one in tasks.fleet()["applications"]):
        with TaskGroup(application):
            _read(application, end, first=False)
            _read(application, end, first=True)


def _read(application: str, end: Any, *, first: bool) -> None:
    kind = "first" if first else "daily"
    work = read.override(task_id=kind, priority_weight=1 if first else 10)
    plan = list_reading.override(task_id=f"list_{kind}")(application, first=first)
    percent = FIRST_RUNS_PERCENT if first else 100
    work.partial(budget_percent=percent).expand(shard=plan) >> end


@dag(schedule=WRITE_AT, start_date=BEGIN, catchup=False, max_active_runs=1, default_args=AGAIN)
def clearbooks_write() -> None:
    """What the table `books.outbox` has for each business."""
    end = sum_up()
    for application in (one["client_id"] for one in tasks.fleet()["applications"]):
        with TaskGroup(application):
            write.expand(shard=list_writing(application)) >> end


clearbooks_read()
clearbooks_write()
