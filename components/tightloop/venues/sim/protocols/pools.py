"""What a chain's pools hold, and who brought it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from tightloop.venues.sim.protocols import concentrated, stableswap
from tightloop.venues.sim.protocols.lending import Lending
from tightloop.venues.sim.protocols.tokens import Tokens

State = TypeVar("State", concentrated.Pool, stableswap.Pool)


class PoolBooks(Struct, Generic[State], frozen=True, kw_only=True):
    """A pool. ``provided``: what all but the wallets of this sandbox brought to it, less what they took, by token;
    the rest of its balances is the wallets'.
    """

    tokens: tuple[str, ...]
    state: State
    provided: tuple[int, ...]

    def followed(self, state: State) -> PoolBooks[State]:
        """The pool as arbitrage and its providers leave it. What is added or gone is theirs."""
        held = zip(self.provided, self.state.balances, state.balances, strict=True)
        return replace(self, state=state, provided=tuple(given + new - old for given, old, new in held))


def opened(tokens: tuple[str, ...], state: State) -> PoolBooks[State]:
    """A pool that others have just filled."""
    return PoolBooks(tokens=tokens, state=state, provided=state.balances)


Pools = dict[str, PoolBooks[Any]]  # by name


class ProtocolBooks:
    """What the protocols of one chain are in, beside the wallets: ``pools`` by name, since the first touch of each."""

    __slots__ = ("lending", "pools", "tokens")

    def __init__(self, lending: Lending, tokens: Tokens) -> None:
        self.lending = lending
        self.tokens = tokens
        self.pools: Pools = {}

    def holdings(self) -> dict[str, dict[str, Decimal]]:
        """What each pool holds, by token."""
        return {
            name: {
                token: self.tokens.amount(token, units)
                for token, units in zip(pool.tokens, pool.state.balances, strict=True)
            }
            for name, pool in self.pools.items()
        }
