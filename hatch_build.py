"""The optional compiled build: with ``TIGHTLOOP_COMPILE=1`` the wheel has the loop's inner modules as C extensions too.

mypyc makes them of the same source, which stays in the wheel: Python takes an extension before the source beside it.
Without the variable nothing here does anything. ``docs/bench.md`` has what it gains.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SWITCH = "TIGHTLOOP_COMPILE"
SOURCE = Path("components")
COMPILED = (
    "tightloop/domain",
    "tightloop/handlers",
    "tightloop/runners/context.py",
    "tightloop/runners/partitioner.py",
    "tightloop/runners/seat.py",
    "tightloop/runners/state.py",
    "tightloop/runners/worker.py",
    "tightloop/runners/writing.py",
)
# A module with a class of msgspec stays as it is: what mypyc makes of one compares by identity, not by its fields.
LEFT_OUT = "(Struct"
TOOLS = ("mypy[mypyc]>=2.4", "setuptools>=65.5")
_COMPILE = """
import os, sys
from mypyc.build import mypycify
from setuptools import setup
extensions = mypycify(sys.argv[3:], opt_level="2", debug_level="0", target_dir=sys.argv[2], group_name="tightloop")
setup(
    name="tightloop",
    ext_modules=extensions,
    script_args=["-q", "build_ext", "--build-lib", sys.argv[1], "--build-temp", sys.argv[2]],
)
"""


class CompiledBuild(BuildHookInterface):
    def dependencies(self) -> list[str]:
        """What an isolated build installs: the compiler, and what its type checker reads."""
        return [*TOOLS, *self.metadata.core.dependencies] if _is_wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or not _is_wanted():
            return
        self._folder = Path(tempfile.mkdtemp(prefix="tightloop-compiled-"))
        made = compile_modules(Path(self.root), self._folder)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"].update({str(self._folder / "lib" / path): str(path) for path in made})

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        folder = getattr(self, "_folder", None)
        if folder is not None:
            shutil.rmtree(folder)


def _is_wanted() -> bool:
    return os.environ.get(SWITCH, "") == "1"


def modules(source: Path) -> list[str]:
    """The files to compile, below ``source``."""
    found: list[Path] = []
    for name in COMPILED:
        place = source / name
        found += [place] if place.is_file() else sorted(place.rglob("*.py"))
    return [
        str(path.relative_to(source))
        for path in found
        if path.name != "__init__.py" and LEFT_OUT not in path.read_text(encoding="utf-8")
    ]


def compile_modules(root: Path, folder: Path) -> list[Path]:
    """Make the extensions in ``folder``/lib; their paths below it. Raises CalledProcessError with the compiler's output
    on standard error.
    """
    source = root / SOURCE
    library, work = folder / "lib", folder / "work"
    work.mkdir(parents=True)
    # mypyc works where the packages begin, and looks for its settings there
    subprocess.run(
        [
            sys.executable,
            "-c",
            _COMPILE,
            str(library),
            str(work),
            "--config-file",
            str(root / "pyproject.toml"),
            *modules(source),
        ],
        cwd=source,
        env={**os.environ, "MYPYPATH": str(source)},
        check=True,
    )
    return sorted(path.relative_to(library) for path in library.rglob("*") if path.is_file())
