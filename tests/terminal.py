"""A program on a terminal, where somebody may type an answer."""

from __future__ import annotations

import os
import pty
import re
import select
import time

from tests.programs import Process

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def at_terminal(program, *arguments, answers=(), columns=80, env=None, timeout=60, **options):
    """Run a program to its end on a terminal of its own.

    Args:
        answers: Pairs of a question's last words and what is typed then, in order.
        columns: How wide the terminal is.

    Returns:
        The exit code, and what was on the screen, without colours.
    """
    master, slave = pty.openpty()
    env = {**(os.environ if env is None else env), "COLUMNS": str(columns), "TERM": "dumb"}
    process = Process(
        program, *arguments, stdin=slave, stdout=slave, stderr=slave, env=env, **options
    )
    os.close(slave)
    screen, waiting, end = b"", list(answers), time.monotonic() + timeout
    while time.monotonic() < end:
        ready, _, _ = select.select([master], [], [], 0.1)
        try:
            data = os.read(master, 65536) if ready else b""
        except OSError:
            # Linux ends a terminal that nobody writes to with an error.
            break
        screen += data
        if waiting and waiting[0][0] in screen:
            os.write(master, waiting.pop(0)[1])
        if not data and process.poll() is not None:
            break
    os.close(master)
    return process.wait(10), CONTROL.sub("", screen.decode()).replace("\r\n", "\n")
