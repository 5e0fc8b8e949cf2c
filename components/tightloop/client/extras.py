"""Packages that only some of what tightloop does needs: imported when that is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def extra(module: str, name: str, what: str) -> Any:
    """The module, which the extra ``name`` brings. Raises ExecutionError BUS-001, saying ``what`` needs it."""
    try:
        return import_module(module)
    except ImportError as error:
        from tightloop.errors import ExecutionError

        raise ExecutionError(
            "BUS-001",
            f"{what} needs the package {module.partition('.')[0]!r}, which is not installed",
            remedy=f"pip install 'tightloop[{name}]'",
        ) from error
