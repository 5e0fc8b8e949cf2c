"""What time alone does to a wallet: interest, and liquidations.

As on an exchange, settling is lazy and leaves no trace of when it was done: at every interest step what accrued is
entered, one entry a position, and what is not sound any more at that time's prices is liquidated. Between two steps
interest counts by the second, and is entered with the transaction that it counts for.
"""

from __future__ import annotations

from datetime import datetime

from tightloop.records.types import Delta
from tightloop.venues.sim.clock import MarketClock
from tightloop.venues.sim.drafts import Draft
from tightloop.venues.sim.protocols.desk import Protocols
from tightloop.venues.sim.protocols.lending import is_debt
from tightloop.venues.sim.protocols.liquidation import Liquidation
from tightloop.venues.sim.protocols.pools import ProtocolBooks
from tightloop.venues.sim.wallets import WalletAccount

_MOST_LIQUIDATIONS = 16  # of one wallet at one step: each at least halves what is owed


class WalletAccruals:
    """Of the wallets of one chain lane."""

    def __init__(self, lane: str, books: ProtocolBooks, protocols: Protocols, clock: MarketClock) -> None:
        self._lane = lane
        self._books = books
        self._protocols = protocols
        self._clock = clock

    def settle(self, account: WalletAccount, target: datetime) -> None:
        """Do what is due up to ``target`` (market time)."""
        steps = self._books.lending.steps
        last = steps.step_of(target)
        if account.shares:
            for step in range(account.step + 1, last + 1):
                due = steps.time_of(step)
                self._accrue(account, due)
                self._liquidate(account, due)
        account.step = max(account.step, last)
        account.settled_to = target

    def _accrue(self, account: WalletAccount, due: datetime) -> None:
        lending = self._books.lending
        for key in sorted(account.shares):
            grown = lending.worth(key, account.shares[key], due) - account.balance(key)
            if grown:
                account.post(
                    f"{self._lane}-{account.name}-interest-{key}-{due:%Y%m%dT%H%M%S}",
                    "interest",
                    self._clock.venue(due),
                    (Delta(position_key=key, amount=grown, source="interest"),),
                    symbol=lending.token_of(key),
                )

    def _liquidate(self, account: WalletAccount, due: datetime) -> None:
        for _ in range(_MOST_LIQUIDATIONS):
            if not any(map(is_debt, account.shares)):
                return
            draft = Draft(account, self._books, due)
            done = self._protocols.liquidation(draft, due)
            if done is None:
                return
            self.post(draft, done, self._clock.venue(due))

    def post(self, draft: Draft, done: Liquidation, at: datetime) -> None:
        """Enter a liquidation at a time of the venue. No order of anybody's caused it."""
        account = draft.account
        draft.keep()
        account.post(
            f"{self._lane}-{account.name}-liquidation-{account.sequence + 1}",
            "transfer",
            at,
            tuple(draft.deltas),
            symbol=done.symbol,
            side="sell",
            amount=done.seized,
            cost=done.repaid,
        )
