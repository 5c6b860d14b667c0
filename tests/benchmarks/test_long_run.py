"""What must hold for very long runs on any machine. `python -m tests.benchmarks --long` measures still longer ones."""

from __future__ import annotations

import pytest

from tests.benchmarks.__main__ import bench_server
from tests.benchmarks.long_run import HEAD, LongRun, measure_long, row

RUN = LongRun(20_000, "local", undone=True)


@pytest.mark.bench
async def test_the_last_rounds_cost_what_the_first_cost_and_each_is_undone_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with bench_server() as client:
        measured = await measure_long(client, RUN)
    with capsys.disabled():
        print(f"\n{HEAD}\n{row(RUN, 'rounds', measured['rounds'])}\n{row(RUN, 'undos', measured['undos'])}")

    assert measured["undos"].seen == RUN.rounds
    for kind, one in measured.items():
        first, last = one.seconds_per_thousand
        assert last < 2 * first, kind
        assert one.most_events < 10_000, kind
    at_10, _, _ = measured["rounds"].mib
    _, _, at_the_end = measured["undos"].mib
    assert at_the_end < 1.5 * at_10
    first, last = measured["rounds"].bytes_each
    assert last < 1.5 * first
