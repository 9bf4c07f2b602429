"""What comes in and how a run is stopped: nothing hangs, and no dry run writes."""

from __future__ import annotations

import io
import json
import os
import shlex
import signal
import subprocess
import time

import pytest
from click.testing import CliRunner

from clearbooks import program
from clearbooks.errors import ClearBooksError, SettingError
from clearbooks_app import main
from target_clearbooks.target import TargetClearbooks
from tests import programs
from tests.programs import BIN, PIPE, Process
from tests.target_clearbooks.conftest import (
    TARGET,
    TWO,
    book,
    check_book,
    customer,
    invoice,
    lines,
    record,
    schema,
    state,
)
from tests.target_clearbooks.store.test_writer_lock import start


def program_of(run, settings):
    """The target's command line, its folder and its environment."""
    config = run.directory / "config.json"
    config.write_text(json.dumps({**run.config, **(settings or {})}))
    env = {**os.environ, "XDG_STATE_HOME": str(run.directory)}
    return [TARGET, "--config", str(config)], {"cwd": run.directory, "env": env}


def piped(run, text, settings=None, **env):
    """The target as a program, with a text for its input."""
    command, options = program_of(run, settings)
    options["env"] |= env
    return programs.run(*command, text=text, **options)


def shell(run, redirection, text=""):
    """The same with its streams as a shell makes them."""
    (run.directory / "in.jsonl").write_text(text)
    (name, *arguments), options = program_of(run, None)
    command = f"{shlex.join([str(BIN / name), *arguments])} {redirection}"
    return subprocess.run(
        ["bash", "-c", command],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


# Dry runs


@pytest.mark.parametrize("asked", ["true", "1", "Yes", "ON"])
def test_a_dry_run_asked_for_in_the_environment_is_one(run, asked):
    plan = str(run.directory / "plan.jsonl")
    done = piped(
        run,
        lines(*TWO, customer(), invoice()),
        {"dry_run": False},
        TARGET_CLEARBOOKS_DRY_RUN=asked,
        TARGET_CLEARBOOKS_PLAN_PATH=plan,
    )
    assert done.returncode == 0, done.stderr
    assert not run.writes()
    assert f"dry run: nothing was sent; the plan is {plan}" in done.stderr
    assert "written" not in done.stderr
    summary = json.loads(done.stderr.split("summary ")[1].splitlines()[0])
    assert summary["dry_run"] is True
    assert summary["plan"] == plan
    assert summary["streams"] == {
        "customers": {"to create": 1},
        "sales_invoices": {"to create": 1},
    }


def test_a_dry_run_without_a_plan_writes_nothing(run):
    done = piped(run, lines(*TWO, customer()), TARGET_CLEARBOOKS_DRY_RUN="true")
    assert done.returncode != 0
    assert "plan_path" in done.stderr
    assert not run.writes()


def test_a_word_that_is_neither_yes_nor_no(run, monkeypatch):
    monkeypatch.setenv("TARGET_CLEARBOOKS_DRY_RUN", "perhaps")
    with pytest.raises(SettingError, match="TARGET_CLEARBOOKS_DRY_RUN: 'perhaps'"):
        run([*TWO, customer()])
    assert not run.writes()


@pytest.mark.parametrize("asked", ["", "false", "0", "No"])
def test_not_asked_for(run, monkeypatch, asked):
    monkeypatch.setenv("TARGET_CLEARBOOKS_DRY_RUN", asked)
    assert run([*TWO, customer()]) == 0
    assert run.writes()["POST", "customers"] == 1


def test_apply_refuses_to_be_dry(run, monkeypatch):
    plan = run.directory / "plan.jsonl"
    assert run([*TWO, customer()], dry_run=True, plan_path=str(plan)) == 0
    config = run.directory / "command.json"
    config.write_text(json.dumps(run.config))
    monkeypatch.setenv("TARGET_CLEARBOOKS_DRY_RUN", "true")
    words = ["apply", str(plan), "--config", str(config), "--yes"]
    found = CliRunner().invoke(main, words)
    assert found.exit_code != 0
    assert "nothing was sent" in found.output
    assert not run.writes()


# Input


def test_a_number_in_a_state_goes_out_as_it_came(run):
    huge = '{"type": "STATE", "value": {"n": 1e999999999, "m": 1.50, "k": [1, "x", null]}}\n'
    done = piped(run, lines(*TWO, customer()) + huge)
    assert done.returncode == 0, done.stderr
    [out] = done.stdout.splitlines()
    assert out == '{"n":1E+999999999,"m":1.50,"k":[1,"x",null]}'


@pytest.mark.parametrize("number", ["1e999999999", "-1e999999999", "1e-999999999"])
def test_a_number_that_no_ledger_holds_is_refused(run, number):
    text = lines(*TWO, customer(), invoice("I1", phone="NUMBER"), state({"n": 1}))
    done = piped(run, text.replace('"NUMBER"', number))
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    [refused] = run.rejects
    assert refused["reasons"][0].startswith("phone: ")
    assert "out of range" in refused["reasons"][0]
    assert json.loads(done.stdout) == {"n": 1}


@pytest.mark.parametrize("number", ['"\\u00b2"', '"' + "9" * 5000 + '"', "1e99", "1.5", "true"])
def test_a_business_that_is_no_number(run, number):
    text = lines(*TWO, customer("C1", businessId="NUMBER"))
    done = piped(run, text.replace('"NUMBER"', number))
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "businessId" in run.rejects[0]["reasons"][0]


def test_a_closed_standard_input(run):
    done = shell(run, "<&-")
    assert done.returncode == 2
    assert "standard input is closed" in done.stderr
    assert "Traceback" not in done.stderr


class Broken(io.StringIO):
    def read(self, _size=-1):
        raise RuntimeError("the source is broken")


def test_any_fault_of_the_reader_ends_the_run(run):
    target = TargetClearbooks(config=run.config)
    with pytest.raises(ClearBooksError, match="the source is broken"):
        target.run(Broken())


@pytest.mark.parametrize("redirection", [">&-", "> /dev/full", "| head -c 0"])
def test_an_output_that_takes_nothing(run, redirection):
    many = [state({"n": n}) for n in range(50)]
    ends = f"< in.jsonl {redirection}; exit ${{PIPESTATUS[0]}}"
    done = shell(run, ends, lines(*TWO, customer(), invoice(), *many))
    assert done.returncode == 1, done.stderr
    assert "STATE cannot be written to standard output" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert run([*TWO, customer(), invoice()]) == 0
    assert len(run.invoices()) == 1


# In this process


@pytest.mark.parametrize("text", ['{"type": "BATCH"}\n', lines(*TWO, customer())])
def test_listening_in_this_process_frees_the_business(run, text):
    target = TargetClearbooks(config=run.config)
    if "BATCH" in text:
        text = lines(*TWO, customer("C2")) + text
        with pytest.raises(ClearBooksError):
            target.listen(io.StringIO(text))
    else:
        target.listen(io.StringIO(text))
        assert target.exit_code == 0
    assert run([*TWO, customer()]) == 0


# Signals


@pytest.fixture
def grace(monkeypatch):
    """A program that a signal reaches has two seconds for what is under way."""
    monkeypatch.setattr(program, "GRACE", 2.0)


def stopped(process, signum=signal.SIGTERM):
    started = time.monotonic()
    process.send_signal(signum)
    _, words = process.communicate(timeout=40)
    assert time.monotonic() - started < 20, words
    return process.returncode


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "slow-after", "seconds": 120, "method": "POST"},
        {"kind": "slow", "seconds": 120, "method": "GET", "nth": 2},
    ],
)
@pytest.mark.usefixtures("grace")
def test_a_signal_ends_it_whatever_it_waits_for(run, fault):
    run.sandbox.faults.plan(fault.pop("kind"), **fault)
    with start(run, "first", [*schema("suppliers"), *book(2)], request_timeout=300) as process:
        while not run.sandbox.faults.counts.total():
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(0.5)
        assert stopped(process) == 128 + signal.SIGTERM
    run.sandbox.faults.clear()
    assert run([*schema("suppliers"), *book(2)]) == 0
    check_book(run, 2)


@pytest.mark.usefixtures("grace")
def test_a_signal_ends_the_wait_that_a_429_asks_for(run):
    run.sandbox.faults.plan("throttle", retry_after="3600", method="POST", times=100)
    with start(run, "first", book(1), max_wait=7200) as process:
        while not run.sandbox.faults.counts.total():
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(0.5)
        assert stopped(process, signal.SIGINT) == 128 + signal.SIGINT


def test_a_signal_while_the_source_says_nothing(run):
    config = run.directory / "config.json"
    config.write_text(json.dumps(run.config))
    with Process(TARGET, "--config", config, stdin=PIPE) as process:
        process.stdin.write(lines(*TWO, customer(), record("customers", "C2", name="Two")))
        process.stdin.flush()
        while len(run.customers()) < 2:
            assert process.poll() is None
            time.sleep(0.05)
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 128 + signal.SIGTERM
        assert time.monotonic() - started < 8


def test_a_log_configuration_keeps_what_the_target_says(run):
    configuration = run.directory / "logging.yaml"
    configuration.write_text(
        "version: 1\n"
        "handlers: {err: {class: logging.StreamHandler}}\n"
        "root: {level: INFO, handlers: [err]}\n"
    )
    done = piped(run, lines(*TWO, customer()), SINGER_SDK_LOG_CONFIG=str(configuration))
    assert done.returncode == 0
    assert '"customers":{"written":1}' in done.stderr
