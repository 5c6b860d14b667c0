"""`python -m tests.benchmarks`: prints the performance table. `--quick` measures less, `--only TEXT` some workloads.

`--long` measures very long runs of the engine instead.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import Client
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from advanced_workflow.client.dev.server import DevServer
from tests.benchmarks import long_run
from tests.benchmarks.long_run import LongRun, long_runs
from tests.benchmarks.measuring import Pair, bench_worker, measure
from tests.benchmarks.table import HEAD, LEGEND, machine, row
from tests.benchmarks.workloads import Workload, loaded, workloads

# The runtime writes its warnings about slow workflow tasks to standard output.
QUIET = TelemetryConfig(logging=LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR")))


@asynccontextmanager
async def bench_server() -> AsyncGenerator[Client, None]:
    """A client of a server of its own."""
    with tempfile.TemporaryDirectory(prefix="adw-bench-") as folder:
        async with DevServer(database=Path(folder) / "bench.db") as server:
            yield await Client.connect(server.address, runtime=Runtime(telemetry=QUIET))


async def measure_all(chosen: Sequence[Workload]) -> AsyncIterator[tuple[Workload, list[Pair]]]:
    """Measure, and print the table line by line."""
    async with bench_server() as client:
        print(HEAD, flush=True)
        async with bench_worker(client, loaded(chosen)):
            for workload in chosen:
                pairs = await measure(client, workload)
                print(row(workload, pairs), flush=True)
                yield workload, pairs
    print(f"\n{LEGEND} {machine()}")


async def print_table(chosen: Sequence[Workload]) -> None:
    async for _ in measure_all(chosen):
        pass


async def print_long_runs(chosen: Sequence[LongRun]) -> None:
    async with bench_server() as client:
        print(long_run.HEAD, flush=True)
        for run in chosen:
            for kind, measured in (await long_run.measure_long(client, run)).items():
                print(long_run.row(run, kind, measured), flush=True)
    print(f"\n{long_run.LEGEND} {machine()}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Print the performance table.")
    parser.add_argument("--quick", action="store_true", help="fewer pairs, without the longest chain")
    parser.add_argument("--only", default="", metavar="TEXT", help="workloads whose name contains this")
    parser.add_argument("--long", action="store_true", help="very long runs of the engine instead; takes hours")
    parser.add_argument("--rounds", type=int, default=100_000, metavar="N", help="how long: rounds of local steps")
    options = parser.parse_args()
    if options.long:
        logging.disable(logging.ERROR)  # These runs fail as planned.
        asyncio.run(print_long_runs([one for one in long_runs(options.rounds) if options.only in one.name]))
        return
    asyncio.run(print_table([one for one in workloads(quick=options.quick) if options.only in one.name]))


if __name__ == "__main__":
    main()
