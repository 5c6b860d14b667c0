"""`python -m tests.benchmarks`: prints the performance table. `--quick` measures less, `--only TEXT` some workloads."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from temporalio.client import Client
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from client.server import DevServer
from tests.benchmarks.measuring import Pair, bench_worker, measure
from tests.benchmarks.table import HEAD, LEGEND, machine, row
from tests.benchmarks.workloads import Workload, workloads

# The runtime writes its warnings about slow workflow tasks to standard output.
QUIET = TelemetryConfig(logging=LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR")))


async def measure_all(chosen: Sequence[Workload]) -> AsyncIterator[tuple[Workload, list[Pair]]]:
    """Measure on a server of its own, and print the table line by line."""
    with tempfile.TemporaryDirectory(prefix="adw-bench-") as folder:
        async with DevServer(database=Path(folder) / "bench.db") as server:
            client = await Client.connect(server.address, runtime=Runtime(telemetry=QUIET))
            print(HEAD, flush=True)
            async with bench_worker(client, chosen):
                for workload in chosen:
                    pairs = await measure(client, workload)
                    print(row(workload, pairs), flush=True)
                    yield workload, pairs
    print(f"\n{LEGEND} {machine()}")


async def print_table(chosen: Sequence[Workload]) -> None:
    async for _ in measure_all(chosen):
        pass


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Print the performance table.")
    parser.add_argument("--quick", action="store_true", help="fewer pairs, without the longest chain")
    parser.add_argument("--only", default="", metavar="TEXT", help="workloads whose name contains this")
    options = parser.parse_args()
    asyncio.run(print_table([one for one in workloads(quick=options.quick) if options.only in one.name]))


if __name__ == "__main__":
    main()
