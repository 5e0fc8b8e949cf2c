"""Position keys: ``venue[@account]:type:symbol``, split at the first two colons (a symbol may hold more).

No account means the one that bears the strategy's name: ``binance:Perp:BTC/USDT:USDT`` of the strategy ``s`` lies in
the account ``s``. An account lies on one lane, so that its name tells the same venue on two chains apart:
``aave:aToken:USDT`` of ``s`` is on ethereum, ``aave@s.arbitrum:aToken:USDT`` on arbitrum (``directory.py``).
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from tightloop.errors import ExecutionError

TRANSIT = "transit"  # money under way between two accounts: of no venue and no account


class PositionKey(Struct, frozen=True):
    """A key in its parts. ``account`` is ``None`` for the default one; ``kind`` is the type, such as ``Perp``."""

    venue: str
    kind: str
    symbol: str
    account: str | None = None

    def __str__(self) -> str:
        return format_key(self.venue, self.kind, self.symbol, self.account)

    @staticmethod
    def parse(text: str) -> PositionKey:
        return parse_key(text)

    def account_of(self, strategy_id: str) -> str:
        """The account, where the key leaves it out the one of the strategy's name."""
        return strategy_id if self.account is None else self.account

    @property
    def asset(self) -> str:
        """What amounts are counted in."""
        return self.symbol.rpartition(":")[2] if self.venue == TRANSIT else self.symbol.partition("/")[0]


@lru_cache(maxsize=8192)
def parse_key(text: str) -> PositionKey:
    """The parts of a key. Raises ExecutionError PUH-007 when one is missing or empty."""
    head, _, rest = text.partition(":")
    kind, _, symbol = rest.partition(":")
    venue, at, account = head.partition("@")
    if not (venue and kind and symbol) or (at and not account):
        raise ExecutionError(
            "PUH-007",
            f"{text!r} is no position key: it must be venue[@account]:type:symbol, such as binance:BaseToken:BTC",
        )
    return PositionKey(venue=venue, kind=kind, symbol=symbol, account=account if at else None)


def format_key(venue: str, kind: str, symbol: str, account: str | None = None) -> str:
    head = venue if account is None else f"{venue}@{account}"
    return f"{head}:{kind}:{symbol}"


def position_key(venue: str, kind: str, symbol: str, *, account: str, strategy_id: str) -> str:
    """The key of a position of ``account`` in the strategy's records: bare for the strategy's own account."""
    return format_key(venue, kind, symbol, None if account == strategy_id else account)
