"""The position update handler: expected positions, and a version for each change of them."""

from tightloop.handlers.positions.handler import PositionUpdates
from tightloop.handlers.positions.settings import PositionSettings

__all__ = ["PositionSettings", "PositionUpdates"]
