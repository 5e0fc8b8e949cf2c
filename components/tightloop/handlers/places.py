"""Where a position lies: which account of which lane holds it. Cached, as every delta and every check asks."""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from tightloop.domain.positions import TRANSIT, parse_key, position_key
from tightloop.domain.venues import VENUES, canonical
from tightloop.errors import ExecutionError
from tightloop.records.types import AccountRef, Delta


class Place(Struct, frozen=True):
    """``key``: the one spelling of the position among the strategy's own, without its default account or an alias.

    ``account`` is ``None`` for what is in transit, which no account holds. ``asset`` is what amounts are counted in.
    """

    key: str
    kind: str
    asset: str
    account: AccountRef | None


@lru_cache(maxsize=65536)
def place_of(key: str, strategy_id: str) -> Place:
    """Raises ExecutionError PUH-007 for a key that can't be read or names no known venue."""
    parts = parse_key(key)
    asset = parts.symbol.rpartition(":")[2] if parts.venue == TRANSIT else parts.symbol.partition("/")[0]
    if parts.venue == TRANSIT:
        return Place(key, parts.kind, asset, None)
    venue = VENUES.get(canonical(parts.venue))
    if venue is None:
        raise ExecutionError("PUH-007", f"{key!r}: there is no venue {parts.venue!r}")
    account = parts.account_of(strategy_id)
    plain = position_key(venue.name, parts.kind, parts.symbol, account=account, strategy_id=strategy_id)
    return Place(plain, parts.kind, asset, AccountRef(lane=venue.lane, venue=venue.name, account=account))


def same_account(one: AccountRef, other: AccountRef) -> bool:
    """On a chain the venues of a wallet are one account."""
    return one.lane == other.lane and one.account == other.account


def plain_deltas(deltas: tuple[Delta, ...], strategy_id: str) -> tuple[Delta, ...]:
    """The same deltas, each key in its one spelling. Raises ExecutionError PUH-007 as :func:`place_of`."""
    for delta in deltas:
        if place_of(delta.position_key, strategy_id).key != delta.position_key:
            return tuple(replace(one, position_key=place_of(one.position_key, strategy_id).key) for one in deltas)
    return deltas
