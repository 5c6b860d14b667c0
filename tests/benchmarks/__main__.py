"""`python -m tests.benchmarks`: prints the performance table. `--quick` measures less, `--only TEXT` some workloads."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from temporalio.client import Client

from client.server import DevServer
from tests.benchmarks.measuring import bench_worker, measure
from tests.benchmarks.table import HEAD, LEGEND, machine, row
from tests.benchmarks.workloads import Workload, workloads


async def print_table(chosen: Sequence[Workload]) -> None:
    with tempfile.TemporaryDirectory(prefix="adw-bench-") as folder:
        async with DevServer(database=Path(folder) / "bench.db") as server:
            client = await Client.connect(server.address)
            print(HEAD, flush=True)
            async with bench_worker(client, chosen):
                for workload in chosen:
                    print(row(workload, await measure(client, workload)), flush=True)
    print(f"\n{LEGEND} {machine()}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Print the performance table.")
    parser.add_argument("--quick", action="store_true", help="fewer pairs, without the longest chain")
    parser.add_argument("--only", default="", metavar="TEXT", help="workloads whose name contains this")
    options = parser.parse_args()
    asyncio.run(print_table([one for one in workloads(quick=options.quick) if options.only in one.name]))


if __name__ == "__main__":
    main()
