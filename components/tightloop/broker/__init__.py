"""A real Apache Kafka on this machine, without Docker or an installed Java.

``EmbeddedBroker`` is the way in; ``python -m tightloop.broker`` runs one in the foreground, and with ``--prepare``
only fills the cache.
"""

from tightloop.broker.console import console_progress
from tightloop.broker.embedded import EmbeddedBroker
from tightloop.broker.pins import KAFKA_VERSION
from tightloop.broker.steps import Report, Step, silent

__all__ = ["KAFKA_VERSION", "EmbeddedBroker", "Report", "Step", "console_progress", "silent"]
