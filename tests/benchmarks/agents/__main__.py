"""`python -m tests.benchmarks.agents`: an agent beside the same one by hand, with the LangGraph plugin and with PydanticAI.

The peers' environments are made from their locked requirements, where they are missing. `--quick` measures few rounds.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from tests.benchmarks.agents.environments import CONTENDERS
from tests.benchmarks.agents.measuring import Plan, measure
from tests.benchmarks.agents.running import ROOT
from tests.benchmarks.agents.table import goals, table
from tests.benchmarks.agents.talk import Task

SMALL, LARGE = 400, 4_000
ENVIRONMENTS = ROOT / ".venv-peers"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.agents", description="Print the table of agents beside peers."
    )
    parser.add_argument("--quick", action="store_true", help="2 rounds, at most 20 turns")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each side is measured")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all figures")
    parser.add_argument(
        "--environments", type=Path, default=ENVIRONMENTS, metavar="FOLDER", help="where the peers' environments are"
    )
    options = parser.parse_args()
    turns = (5, 20) if options.quick else (5, 20, 100)
    tasks = [*(Task(count, SMALL) for count in turns), Task(20, LARGE)]
    plan = Plan(CONTENDERS, tasks, 2 if options.quick else options.rounds, options.environments.resolve())
    measured = asyncio.run(measure(plan))
    if options.json:
        options.json.write_text(measured.as_json())
    print("\n".join(table(measured, plan)))
    print("", *goals(measured, plan), sep="\n")


if __name__ == "__main__":
    main()
