"""What the optional compiled build takes: modules without records, which mypyc would compare by identity."""

from __future__ import annotations

import importlib.util
from importlib import import_module
from pathlib import Path

import pytest
from msgspec import Struct

ROOT = Path(__file__).parents[2]


def _compiled() -> list[str]:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    paths: list[str] = build.modules(ROOT / build.SOURCE)
    return [path.removesuffix(".py").replace("/", ".") for path in paths]


def test_what_takes_the_time_of_a_loop_is_compiled() -> None:
    wanted = {"tightloop.runners.worker", "tightloop.runners.state", "tightloop.handlers.executor.turn"}
    assert wanted <= set(_compiled())


@pytest.mark.parametrize("name", _compiled())
def test_no_compiled_module_defines_a_record(name: str) -> None:
    defined = [one for one in vars(import_module(name)).values() if getattr(one, "__module__", None) == name]
    assert not [one for one in defined if isinstance(one, type) and issubclass(one, Struct | tuple)]
