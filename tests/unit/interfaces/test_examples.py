"""The examples of the public classes run as they stand; those of the bus do in tests/integration/cli."""

from __future__ import annotations

import doctest
import inspect
import sys

import pytest

import tightloop

ON_THE_BUS = {"InstructionPublisher", "ResultConsumer"}
CLASSES = sorted(name for name in tightloop.__all__ if inspect.isclass(getattr(tightloop, name)))


@pytest.mark.parametrize("name", CLASSES)
def test_each_public_class_has_an_example(name: str) -> None:
    assert ">>>" in (getattr(tightloop, name).__doc__ or "")


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in ON_THE_BUS])
def test_the_example_runs_as_it_stands(name: str) -> None:
    found = getattr(tightloop, name)
    (example,) = doctest.DocTestFinder(recurse=False).find(found, name, sys.modules[found.__module__])
    said: list[str] = []
    failed, tried = doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert (failed, tried > 0) == (0, True), "".join(said)
