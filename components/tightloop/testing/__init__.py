"""For tests of one's own: a whole loop in this process, with a clock that moves when the test says so.

``LoopDriver`` feeds records and reads what comes out (as ``TopologyTestDriver`` does for Kafka Streams);
``ScriptedVenue`` is a venue that answers what the test says; ``builders`` makes valid records in one call each. The
same as fixtures of pytest, with a broker and topics: ``docs/testing.md``.

The names below are imported when they are first used: the pytest plugin is in every test run of an installation.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tightloop.testing.builders import (
        action,
        cancel,
        cancel_group,
        command,
        group,
        halt,
        perp,
        resume,
        swap,
        trade,
        transfer,
    )
    from tightloop.testing.driver import LoopDriver
    from tightloop.testing.scripted import ScriptedVenue

__all__ = [
    "LoopDriver",
    "ScriptedVenue",
    "action",
    "cancel",
    "cancel_group",
    "command",
    "group",
    "halt",
    "perp",
    "resume",
    "swap",
    "trade",
    "transfer",
]
_HOMES = {"LoopDriver": "driver", "ScriptedVenue": "scripted"}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'builders')}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
