"""Long work in a real browser: it is seen as it goes on, and needs no page to go on."""

import json
import re
import shlex
import sys
from types import SimpleNamespace

import pytest

from clearbooks_app.ui.access import Doors
from clearbooks_app.ui.jobs import Jobs
from clearbooks_app.ui.server import running
from target_clearbooks.library import write
from tests.chromium import SIZES
from tests.clearbooks_app.operations.conftest import invoice
from tests.programs import BIN

from .conftest import KEEPER, config_of, everybody_can_use, finished

# A pipeline as people write one: it says what it does, waits for a file, and ends as that says.
PIPELINE = """
echo "connection $TAP_CLEARBOOKS_CONNECTION, select $TAP_CLEARBOOKS__SELECT" >&2
echo "password ${CLEARBOOKS_UI_PASSWORD:-unknown}" >&2
echo "first half done"
while [ ! -e "$3/go" ]; do sleep 0.05; done
"$0" --config "$1" --config ENV | "$2" "$3/keeper.py" "$3/messages.jsonl" || exit 1
exit $(cat "$3/go")
"""


@pytest.fixture(scope="module")
def piped(books, place, chromium):
    """A page whose syncs are a pipeline; `serve()` serves it anew."""
    (place / "keeper.py").write_text(KEEPER)
    config = config_of(books, place)
    tap = BIN / "tap-clearbooks"
    words = ["sh", "-c", PIPELINE, tap, config, sys.executable, place]
    pipeline = shlex.join(map(str, words))

    def serve():
        return running(Doors(), configs=(config,), folder=place / "ui", pipeline=pipeline)

    tab = chromium.new_page()
    tab.set_default_timeout(30_000)
    yield SimpleNamespace(serve=serve, tab=tab, folder=place, books=books)
    tab.close()
    # What a test that failed has left under way.
    jobs = Jobs(place / "ui" / "jobs")
    for job in jobs.newest():
        jobs.stop(job)


def start(tab, site):
    """Sync one stream; the address of its job."""
    tab.goto(site.access.new_address())
    tab.goto(f"{site.access.doors.url}/connections/default")
    tab.get_by_text("Only some streams").click()
    tab.get_by_label("Account codes", exact=True).check()
    tab.get_by_role("button", name="Sync now").click()
    return tab.url.removeprefix(site.access.doors.url)


def test_a_pipeline_is_seen_and_goes_on_without_the_page(piped, chromium, monkeypatch):
    monkeypatch.setenv("CLEARBOOKS_UI_PASSWORD", "what programs need not know")
    tab = piped.tab
    with piped.serve() as site:
        job = start(tab, site)
        assert tab.get_by_role("heading", level=1).inner_text() == "Sync account_codes"
        # Without a touch: the page shows it by itself, and nothing that has the focus loses it.
        tab.get_by_role("button", name="Ask it to end").focus()
        tab.get_by_text("first half done").wait_for()
        assert 'connection default, select ["account_codes.*"]' in tab.locator("main").inner_text()
        assert "password unknown" in tab.locator("main").inner_text()
        assert "running since" in tab.get_by_role("status").inner_text()
        assert tab.evaluate("document.activeElement.textContent") == "Ask it to end"
        everybody_can_use(tab, f"{site.access.doors.url}{job}", "wide-light-job-running")
        plain = chromium.new_context(java_script_enabled=False).new_page()
        plain.goto(site.access.new_address())
        plain.goto(f"{site.access.doors.url}{job}")
        # Without scripts the browser loads the page anew.
        with plain.expect_navigation():
            pass
        assert "running since" in plain.get_by_role("status").inner_text()
        plain.context.close()
        tab.goto(f"{site.access.doors.url}/")
        assert "Sync account_codes is under way" in tab.locator("main").inner_text()
        # One at a time.
        tab.goto(f"{site.access.doors.url}/connections/default")
        tab.get_by_role("button", name="Sync now").click()
        assert "is being synced already" in tab.locator("main").inner_text()
    # The server has ended; another one shows the same job.
    with piped.serve() as site:
        tab.goto(site.access.new_address())
        tab.goto(f"{site.access.doors.url}{job}")
        assert "running since" in tab.get_by_role("status").inner_text()
        (piped.folder / "go").write_text("0")
        assert "exit code 0" in finished(tab)
        (piped.folder / "go").unlink()
        run = tab.get_by_role("link", name="tap ")
        run.click()
        assert "account_codes" in tab.get_by_role("region", name="Streams").inner_text()
    kept = [json.loads(x) for x in (piped.folder / "messages.jsonl").read_text().splitlines()]
    assert "account_codes" in {m["stream"] for m in kept if m["type"] == "RECORD"}


def test_one_that_fails_and_one_that_is_stopped(piped):
    tab = piped.tab
    with piped.serve() as site:
        (piped.folder / "go").write_text("7")
        start(tab, site)
        assert "failed" in finished(tab)
        assert "exit code 7" in tab.get_by_role("status").inner_text()
        (piped.folder / "go").unlink()
        start(tab, site)
        tab.get_by_text("first half done").wait_for()
        tab.get_by_role("button", name="Ask it to end").click()
        assert "exit code 143" in finished(tab)


@pytest.mark.parametrize(("size", "scheme"), [("wide", "light"), ("narrow", "dark")])
def test_everybody_can_see_a_job(piped, size, scheme):
    tab = piped.tab
    with piped.serve() as site:
        (piped.folder / "go").write_text("7")
        job = start(tab, site)
        finished(tab)
        (piped.folder / "go").unlink()
        tab.set_viewport_size(dict(zip(("width", "height"), SIZES[size], strict=True)))
        tab.emulate_media(color_scheme=scheme)
        everybody_can_use(tab, f"{site.access.doors.url}{job}", f"{size}-{scheme}-job-pipeline")


def test_how_far_an_apply_is_shows_while_it_goes_on(books, place, chromium):
    """The page shows what the state store has, also while the program runs."""
    config = config_of(books, place, max_in_flight=1)
    with running(Doors(), configs=(config,), folder=place / "applied") as site:
        plan = {"dry_run": True, "plan_path": str(site.plans / "plan.jsonl")}
        write(
            {**site.settings().values, **plan},
            [invoice(f"A-{n}", f"Customer {n}") for n in range(4)],
        )
        books.faults.add("slow:1:0.4:method=POST,times=8")
        tab = chromium.new_page()
        tab.set_default_timeout(30_000)
        tab.goto(site.access.new_address())
        tab.goto(f"{site.access.doors.url}/plans/plan.jsonl")
        tab.get_by_role("button", name="Carry out all 8").click()
        bar = tab.get_by_role("progressbar", name="Operations carried out")
        tab.get_by_text(re.compile("[1-7] of 8 operations")).wait_for()
        assert 0 < int(bar.get_attribute("value")) < 8
        assert "exit code 0" in finished(tab)
        assert "8 of 8 operations" in tab.locator("main").inner_text()
        tab.close()
