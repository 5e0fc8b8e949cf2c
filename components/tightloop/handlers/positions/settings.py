"""What the position update handler is told."""

from __future__ import annotations

from msgspec import Struct

from tightloop.domain.directory import Directory


class PositionSettings(Struct, frozen=True, kw_only=True):
    """``directory``: in which account each position lies."""

    directory: Directory
