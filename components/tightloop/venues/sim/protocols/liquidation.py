"""What a liquidator did to an account."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple


class Liquidation(NamedTuple):
    """``seized`` of the collateral for ``repaid`` of the debt; ``symbol``: both. Both zero: bad debt alone."""

    symbol: str
    seized: Decimal
    repaid: Decimal
