from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# The module alone: importing all of `client` each time would cost most of the time.
FOLDER = Path(__file__).parents[2] / "client"


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"from process_exit import run_and_exit\n{program}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(FOLDER)},
    )


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("run_and_exit(lambda: None)", 0),
        ("run_and_exit(lambda: 3)", 3),
        ("import sys; run_and_exit(lambda: sys.exit(4))", 4),
        ("import sys; run_and_exit(lambda: sys.exit())", 0),
        ("import sys; run_and_exit(lambda: sys.exit('why'))", 1),
        ("run_and_exit(lambda: 1 / 0)", 1),
        ("def stop(): raise KeyboardInterrupt\nrun_and_exit(stop)", 130),
    ],
)
def test_the_exit_code_is_kept(program: str, code: int) -> None:
    assert run(program).returncode == code


def test_output_without_a_newline_is_not_lost() -> None:
    done = run("import sys; run_and_exit(lambda: (sys.stdout.write('out'), sys.stderr.write('err'), 0)[-1])")

    assert (done.stdout, done.stderr, done.returncode) == ("out", "err", 0)


def test_an_exception_is_printed() -> None:
    assert "ZeroDivisionError" in run("run_and_exit(lambda: 1 / 0)").stderr


def test_last_acts_are_done_and_change_no_exit_code() -> None:
    acts = "before_exit(lambda: 1 / 0); before_exit(lambda: print('sent'))"
    done = run(f"from process_exit import before_exit; {acts}; run_and_exit(lambda: 3)")

    assert (done.stdout, done.returncode) == ("sent\n", 3)
    assert "ZeroDivisionError" in done.stderr


def test_what_would_go_wrong_at_interpreter_exit_does_not_happen() -> None:
    done = run("import atexit, os; atexit.register(os.abort); run_and_exit(lambda: 0)")

    assert done.returncode == 0
