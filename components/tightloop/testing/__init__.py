"""For tests of one's own: a whole loop in this process, with a clock that moves when the test says so.

``LoopDriver`` feeds records and reads what comes out (as ``TopologyTestDriver`` does for Kafka Streams);
``ScriptedVenue`` is a venue that answers what the test says; ``builders`` makes valid records in one call each. As
pytest fixtures: ``pytest_plugins = ["tightloop.testing.pytest_plugin"]``.
"""

from tightloop.testing.builders import action, cancel, command, halt, perp, resume, swap, trade, transfer
from tightloop.testing.driver import LoopDriver
from tightloop.testing.scripted import ScriptedVenue

__all__ = [
    "LoopDriver",
    "ScriptedVenue",
    "action",
    "cancel",
    "command",
    "halt",
    "perp",
    "resume",
    "swap",
    "trade",
    "transfer",
]
