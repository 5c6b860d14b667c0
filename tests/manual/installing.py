"""Environments as users have them: our package from a wheel, the packages it needs from this environment, no network."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[2]
OURS = "advanced_workflow"


def link_libraries(folder: Path) -> Path:
    """A folder that holds all packages of this environment but ours."""
    folder.mkdir()
    for one in Path(sysconfig.get_path("purelib")).iterdir():
        if OURS not in one.name and one.suffix != ".pth":
            (folder / one.name).symlink_to(one)
    return folder


def build_wheel(folder: Path) -> Path:
    """Build the wheel from a source distribution, as installers do that find no wheel."""
    with tarfile.open(build("sdist", ROOT, folder)) as opened:
        opened.extractall(folder / "source", filter="data")
    [source] = (folder / "source").iterdir()
    return build("wheel", source, folder)


def build(kind: Literal["sdist", "wheel"], source: Path, folder: Path) -> Path:
    """Build what `source` has the project file of, and give the archive."""
    _run(sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", folder, cwd=source)
    [archive] = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return archive


def install(wheels: Sequence[Path], libraries: Path, folder: Path) -> Path:
    """Make an environment in the folder with the wheels, and give the folder of its commands."""
    _run(sys.executable, "-m", "uv", "venv", "--quiet", "--no-project", "--python", sys.executable, folder)
    python = folder / "bin" / "python"
    _run(
        sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--no-index", "--python", python, *wheels
    )
    [packages] = folder.glob("lib/python3*/site-packages")
    (packages / "libraries.pth").write_text(f"{libraries}\n", encoding="utf-8")
    return folder / "bin"


def clean_environment(*commands: Path) -> dict[str, str]:
    """The variables of a user who has the `temporal` program, and these folders of commands before all others."""
    ours = ("ADW_", "TEMPORAL_", "PYTHON", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    path = os.pathsep.join([*map(str, commands), str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, "PATH": path, "COLUMNS": "120"}


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
