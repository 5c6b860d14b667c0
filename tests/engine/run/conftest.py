from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.signing import Signer, publish


@pytest.fixture
def signer() -> Signer:
    return Signer("one", int(time.time()))


@pytest.fixture
def keys(tmp_path: Path, signer: Signer) -> str:
    return publish(tmp_path / "keys.json", signer)
