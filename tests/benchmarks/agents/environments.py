"""The environments of the sides: this one, and one for each peer, made of its locked requirements."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

PEERS = Path(__file__).parent / "peers"
_VERSIONS = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"


@dataclass(frozen=True)
class Contender:
    """One side, as the tables name it."""

    side: str
    """The name of its module."""
    name: str
    packages: tuple[str, ...]
    """Those whose versions are told."""
    lock: str = ""
    """The requirements of its environment; this one where it is empty."""

    @property
    def module(self) -> str:
        """Relative to this package. Those of peers import what only their own environments have."""
        return f"{'peers' if self.lock else 'sides'}.{self.side}"

    def python(self, folder: Path) -> Path:
        """The interpreter of its environment, which is made in `folder` where it is missing or old."""
        if not self.lock:
            return Path(sys.executable)
        lock = PEERS / self.lock
        made = folder / lock.stem
        python, digest = made / "bin" / "python", made / "digest"
        wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
        if not (digest.exists() and digest.read_text() == wanted):
            uv = find_uv_bin()
            print(f"Making the environment of {self.name}", file=sys.stderr, flush=True)
            subprocess.run(
                [uv, "venv", "--quiet", "--clear", "--no-project", "--python", sys.executable, made], check=True
            )
            subprocess.run(
                [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", lock], check=True
            )
            digest.write_text(wanted)
        return python

    def versions(self, python: Path) -> str:
        """The packages with their versions, as its environment has them."""
        told = subprocess.run([python, "-c", _VERSIONS, *self.packages], check=True, capture_output=True, text=True)
        return ", ".join(f"{name} {one}" for name, one in zip(self.packages, told.stdout.split(), strict=True))


BY_HAND = Contender("by_hand", "by hand", ("temporalio", "protobuf"))
PLUGIN = Contender(
    "langgraph_plugin",
    "LangGraph plugin",
    ("temporalio-langgraph", "langgraph", "temporalio", "protobuf"),
    "langgraph.txt",
)
PYDANTIC_AI = Contender(
    "pydantic_agent", "PydanticAI", ("pydantic-ai-slim", "temporalio", "protobuf"), "pydantic-ai.txt"
)
ENGINE = Contender("engine", "`react`", ("temporalio", "protobuf"))
ENGINE_LOCAL = Contender("engine_local", "`react`, local tools", ("temporalio", "protobuf"))
CONTENDERS = (BY_HAND, PLUGIN, PYDANTIC_AI, ENGINE, ENGINE_LOCAL)
