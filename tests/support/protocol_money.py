"""Where a chain's money is: what the wallets' steps moved must be in the pools and markets that they dealt with."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from tightloop.handlers.calls import LedgerEntry
from tightloop.venues.sim.chain import Chain
from tightloop.venues.sim.protocols.stableswap import Pool

D = Decimal
_DEBTS = ("aave:debtToken:", "morpho:Borrow:")


def check_protocols(chain: Chain) -> None:
    """By token: what the wallets gave is what pools have of them, and what markets owe them; at most the last unit of
    each step is lost to a market. LP tokens are the wallets' or were there before them.
    """
    given: dict[str, Decimal] = defaultdict(Decimal)
    steps: dict[str, int] = defaultdict(int)
    minted: dict[str, Decimal] = defaultdict(Decimal)
    for account in chain.accounts.values():
        for entry in account.ledger:
            if entry.tx_hash is not None:
                _count(chain, entry, given, steps, minted)
    held: dict[str, Decimal] = defaultdict(Decimal)
    for pool in chain.books.pools.values():
        for token, units, provided in zip(pool.tokens, pool.state.balances, pool.provided, strict=True):
            assert units >= 0
            held[token] += chain.books.tokens.amount(token, units - provided)
    for token in {*given, *held}:
        lost = given[token] - held[token]
        most = chain.books.tokens.amount(token, 4 * steps[token])
        assert 0 <= lost <= most, f"{token}: {given[token]} given, {held[token]} in pools"
    for name, pool in chain.books.pools.items():
        if isinstance(pool.state, Pool):
            (opened,) = [one.value for one in chain.settings.curve if name == f"curve:{one.name}"]
            assert D(pool.state.supply).scaleb(-18) == opened + minted[name.removeprefix("curve:")]


def _count(
    chain: Chain,
    entry: LedgerEntry,
    given: dict[str, Decimal],
    steps: dict[str, int],
    minted: dict[str, Decimal],
) -> None:
    """Supplies are the wallet's still, debts are not: both count as if they were in it."""
    for delta in entry.deltas:
        if delta.source != "trade":
            continue
        venue, kind, symbol = delta.position_key.split(":", 2)
        if kind == "LPToken":
            minted[symbol] += delta.amount
            continue
        token = symbol if venue in ("wallet", "aave") else chain.books.lending.token_of(delta.position_key)
        token = "WETH" if token == "ETH" else token
        owed = delta.position_key.startswith(_DEBTS)
        given[token] += delta.amount if owed else -delta.amount
        steps[token] += 1
