"""tightloop: execution components for trading strategies over Kafka.

The names below are imported when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tightloop.client.consumer import ResultConsumer
    from tightloop.client.publisher import InstructionPublisher
    from tightloop.errors import ExecutionError
    from tightloop.interfaces.factory import ExecutionInterfaceFactory
    from tightloop.interfaces.interface import (
        CEXExecutionInterface,
        DEXExecutionInterface,
        OnChainExecutionInterface,
        TransferExecutionInterface,
    )
    from tightloop.interfaces.manager import ExecutionInterfaceManager
    from tightloop.interfaces.positions import PositionUpdateHandler
    from tightloop.interfaces.reconciliation import ReconciliationComponent

__version__ = "0.1.0"
__all__ = [
    "CEXExecutionInterface",
    "DEXExecutionInterface",
    "ExecutionError",
    "ExecutionInterfaceFactory",
    "ExecutionInterfaceManager",
    "InstructionPublisher",
    "OnChainExecutionInterface",
    "PositionUpdateHandler",
    "ReconciliationComponent",
    "ResultConsumer",
    "TransferExecutionInterface",
    "__version__",
    "is_compiled",
]

_HOMES = {
    "ExecutionError": "tightloop.errors",
    "CEXExecutionInterface": "tightloop.interfaces.interface",
    "DEXExecutionInterface": "tightloop.interfaces.interface",
    "OnChainExecutionInterface": "tightloop.interfaces.interface",
    "TransferExecutionInterface": "tightloop.interfaces.interface",
    "ExecutionInterfaceFactory": "tightloop.interfaces.factory",
    "ExecutionInterfaceManager": "tightloop.interfaces.manager",
    "InstructionPublisher": "tightloop.client.publisher",
    "PositionUpdateHandler": "tightloop.interfaces.positions",
    "ReconciliationComponent": "tightloop.interfaces.reconciliation",
    "ResultConsumer": "tightloop.client.consumer",
}


def is_compiled() -> bool:
    """Whether the loop's inner modules run as C extensions, from a build with ``TIGHTLOOP_COMPILE=1``."""
    found = find_spec("tightloop.runners.worker")
    return found is not None and (found.origin or "").endswith(tuple(EXTENSION_SUFFIXES))


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
