"""The same reading for a Meltano project: a task for each business, which runs `meltano`.

Start Airflow with `MELTANO_PROJECT`, the folder of the project, and the job or plugins to run in
`MELTANO_RUN`; without the first there is no DAG.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import clearbooks_tasks as tasks
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag, task

PROJECT = os.environ.get("MELTANO_PROJECT", "")
COMMAND = os.environ.get("MELTANO_RUN", "tap-clearbooks target-postgres")


@task
def environments() -> list[dict[str, str]]:
    """What sets the runs apart: businesses of daily runs first."""
    return [
        {
            "BUSINESS": str(business),
            "TAP_CLEARBOOKS_CLIENT_ID": shard.application,
            "TAP_CLEARBOOKS_CONNECTION": connection,
            "TAP_CLEARBOOKS_BUSINESS_IDS": f"[{business}]",
            "TAP_CLEARBOOKS_BUDGET_PERCENT": "20" if shard.first else "100",
            # Runs of one extractor write the same catalog file otherwise.
            "MELTANO_SYS_DIR_ROOT": f"{PROJECT}/.meltano-{business}",
        }
        for shard in tasks.reading(1)
        for connection, business in shard.businesses
    ]


@dag(schedule="0 5 * * *", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False)
def clearbooks_meltano() -> None:
    """Every business with `meltano run`; secrets come from the project's own .env."""
    BashOperator.partial(
        task_id="run",
        bash_command=f"meltano run --state-id-suffix=$BUSINESS {COMMAND}",
        cwd=PROJECT,
        append_env=True,
        map_index_template="{{ task.env['BUSINESS'] }}",
        pool="clearbooks",
        retries=2,
        retry_delay=timedelta(minutes=5),
    ).expand(env=environments())


if PROJECT:
    clearbooks_meltano()
