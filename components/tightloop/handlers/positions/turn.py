"""One event at the position update handler: the key's head, and the one update that it may publish."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from tightloop.handlers.api import Context
from tightloop.handlers.positions.settings import PositionSettings
from tightloop.records.types import PositionHead, PositionUpdate


class PositionsTurn:
    """Collects what one event changes; :meth:`save` writes the head when it did."""

    def __init__(self, context: Context, settings: PositionSettings) -> None:
        self.context = context
        self.settings = settings
        self.now: datetime = context.now
        self._before = context.get("head", PositionHead) or PositionHead(strategy_id=context.key, produced_at=self.now)
        self.head = self._before

    def update(self, **changes: Any) -> None:
        self.head = replace(self.head, **changes)

    def publish(self, update: PositionUpdate, **changes: Any) -> None:
        """``changes``: what else of the head changes with it."""
        self.context.emit("position_updates", update)
        self.update(position_version=update.position_version, produced_at=self.now, **changes)

    def save(self) -> None:
        if self.head is not self._before:
            self.context.put("head", self.head)
