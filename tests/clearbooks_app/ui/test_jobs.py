"""Jobs: programs that outlive the server that started them."""

import time

from clearbooks_app.ui import jobs
from clearbooks_app.ui.jobs import Jobs


def test_a_job_that_ends_while_it_is_looked_at_is_not_lost(tmp_path, monkeypatch):
    kept = Jobs(tmp_path)
    number = kept.start("sync", "Sync", [["true"]], directory=tmp_path).order.id
    until = time.monotonic() + 30
    while kept.find(number).state == "running" and time.monotonic() < until:
        time.sleep(0.05)
    end = tmp_path / number / jobs.END
    words = end.read_text()
    end.unlink()

    def ends(*_):
        end.write_text(words)
        return False

    monkeypatch.setattr(jobs, "_is_held", ends)
    assert kept.find(number).state == "done"
