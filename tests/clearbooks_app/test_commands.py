"""What all commands have in common."""

import shlex
import socket
import subprocess
import sys

import pytest

from clearbooks_app import COMMANDS, main

from .conftest import PROGRAM


def commands():
    """Every command of this page with its words."""
    for name in COMMANDS:
        command = main.get_command(None, name)
        yield [name], command
        for below in getattr(command, "commands", {}):
            yield [name, below], command.commands[below]


OURS = (
    "clearbooks_app.account",
    "clearbooks_app.completion",
    "clearbooks_app.connect",
    "clearbooks_app.doctor",
    "clearbooks_app.meltano",
    "clearbooks_app.status",
    "clearbooks_app.tokens",
)


@pytest.mark.parametrize(
    "words", [w for w, _ in commands() if COMMANDS[w[0]][0] in OURS], ids=" ".join
)
def test_every_command_has_an_example(run, words):
    text = run([*words, "--help"]).stdout
    shown = text.split("Examples:\n")[1]
    assert f"  clearbooks {words[0]}" in shown


def test_examples_parse(run):
    for words, command in commands():
        if COMMANDS[words[0]][0] not in OURS:
            continue
        for line in command.epilog.splitlines():
            if not line.strip().startswith("clearbooks "):
                continue
            arguments = shlex.split(line.partition(">")[0])[1:]
            name = command.name or ""
            rest = arguments[arguments.index(name) + 1 :]
            # A group parses its own words and leaves the rest.
            command.make_context(name, rest, resilient_parsing=False)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(run, shell):
    script = run(["completion", shell]).stdout
    assert "_CLEARBOOKS_COMPLETE" in script


def test_the_shell_gets_words():
    done = subprocess.run(
        [PROGRAM],
        check=True,
        env={
            "_CLEARBOOKS_COMPLETE": "bash_complete",
            "COMP_WORDS": "clearbooks con",
            "COMP_CWORD": "1",
            "PATH": "",
        },
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["plain,connect", "plain,connections"]


def test_a_fault_of_the_program_is_one_line(run, monkeypatch):
    def broken(*_):
        raise RuntimeError("sandbox-secret and more")

    monkeypatch.setattr("clearbooks_app.operations.status.find_account", broken)
    result = run("status", 1)
    assert len(result.stderr.splitlines()) == 1
    assert "(RuntimeError)" in result.stderr


def test_help_imports_no_command():
    code = (
        "import sys; from clearbooks_app import main\n"
        "try: main(['--help'])\n"
        "finally: print([m for m in sys.modules if m.startswith('clearbooks_app.')"
        " or m in ('requests', 'rich', 'psycopg')])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize("command", ["sandbox", "ui --no-browser"])
def test_a_port_in_use_names_the_option(run, connected, command):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code = 1 if command == "sandbox" else 2
        said = run(f"{command} --port {port}", code=code).stderr
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use; --port" in said


def test_no_function_of_the_package_is_hidden_by_a_module(run):
    """`map` is a command, and its module an attribute of the package."""
    for _ in commands():
        pass
    assert "Start here" in run("--help").stdout
