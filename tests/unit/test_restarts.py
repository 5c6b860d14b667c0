from __future__ import annotations

import signal

import pytest

from advanced_workflow.client.dev.restarts import LONGEST_PAUSE_SECONDS, STEADY_SECONDS, Pauses, how_it_ended


def test_pauses_grow_until_a_process_has_lived_for_a_while() -> None:
    pauses = Pauses()

    grown = [pauses.after(0.1) for _ in range(9)]
    assert grown == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS]
    assert [pauses.after(STEADY_SECONDS), pauses.after(0.1)] == [1, 2]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (3, "ended by itself with exit code 3"),
        (-signal.SIGSEGV, "was ended by signal SIGSEGV"),
        (-signal.SIGKILL, "was killed (SIGKILL; the system does so, too, when memory runs out)"),
        (-63, "was ended by signal 63"),
    ],
)
def test_an_end_is_told_in_words(code: int, said: str) -> None:
    assert how_it_ended(code) == said
