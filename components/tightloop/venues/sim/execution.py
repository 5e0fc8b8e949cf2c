"""Running one transaction on a wallet, for real or to see what would come of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, DecimalException
from typing import NamedTuple

from tightloop.domain import money
from tightloop.records.types import Delta, Fee, PreparedTransaction
from tightloop.venues.sim.books import ZERO, Reverted, VenueError
from tightloop.venues.sim.chain_settings import ChainSettings
from tightloop.venues.sim.clock import MarketClock
from tightloop.venues.sim.commands import ChainAction, Effect
from tightloop.venues.sim.drafts import Draft
from tightloop.venues.sim.mempool import Pending
from tightloop.venues.sim.protocols.desk import Protocols
from tightloop.venues.sim.protocols.pools import ProtocolBooks
from tightloop.venues.sim.protocols.steps import Step
from tightloop.venues.sim.transactions import Calldata, wallet_address
from tightloop.venues.sim.wallets import Transaction, WalletAccount

NO_EFFECT = Effect()


class Ran(NamedTuple):
    """The wallet after the steps, what they did, the gas they took, and what went wrong."""

    draft: Draft
    steps: list[Step]
    gas_used: int
    failure: Reverted | None


class Execution:
    """What the transactions of one chain do."""

    def __init__(self, settings: ChainSettings, clock: MarketClock, books: ProtocolBooks, protocols: Protocols) -> None:
        self._settings = settings
        self._clock = clock
        self._books = books
        self._protocols = protocols
        self.gas_key = f"wallet:BaseToken:{settings.native}"

    def check(self, account: str, to: str, call: Calldata | None) -> None:
        """Raises VenueError for what can't even be tried."""
        if call is None:
            return
        if to != wallet_address(account):
            raise VenueError("invalid_order", f"{to} takes no calls; a wallet's actions are a call to itself")
        if not call.actions:
            raise VenueError("invalid_order", "a call needs at least one action")
        for number, action in enumerate(call.actions, call.first):
            try:
                self._protocols.check(action)
            except VenueError as refusal:
                raise VenueError(refusal.code, f"action {number}: {refusal.message}") from refusal

    def gas(self, call: Calldata | None) -> int:
        """What it takes when every step is done."""
        actions = () if call is None else call.actions
        return self._settings.gas["base"] + sum(self._protocols.gas(action) for action in actions)

    def run(
        self,
        account: WalletAccount,
        transaction: PreparedTransaction,
        call: Calldata | None,
        price: Decimal,
        now: datetime,
        effect: Effect,
    ) -> Ran:
        """``price`` is what a unit of gas costs. Nothing reaches the wallet before the draft is kept."""
        kept = Draft(account, self._books)
        steps: list[Step] = []
        gas_used = self._settings.gas["base"]
        try:
            if effect.revert:
                raise Reverted("reverted", effect.message or "reverted by an injected fault")
            if call is None:
                steps = self._send(kept, transaction)
                return Ran(kept, steps, gas_used, None)
            if call.deadline is not None and now > call.deadline:
                raise Reverted("reverted", f"the deadline {call.deadline.isoformat()} has passed")
            at = self._clock.decided(call.decided_at)
            for number, action in enumerate(call.actions, call.first):
                gas_used += self._protocols.gas(action)
                place = f"action {number} ({action.protocol}.{action.operation})"
                if gas_used > transaction.gas_limit:
                    gas_used = transaction.gas_limit
                    raise Reverted("reverted", f"{place}: out of gas")
                trial = kept.branch()
                step = self._step(trial, action, steps, at, effect, place)
                if trial.balance(self.gas_key) < transaction.gas_limit * price:
                    raise Reverted("insufficient_balance", f"{place}: it would leave too little for gas")
                kept = trial
                steps.append(step)
        except Reverted as failure:
            return self._failed(account, call, kept, steps, gas_used, failure)
        return Ran(kept, steps, gas_used, None)

    def _step(
        self, draft: Draft, action: ChainAction, steps: list[Step], at: datetime, effect: Effect, place: str
    ) -> Step:
        """Raises Reverted, which names the place."""
        try:
            return self._protocols.run(draft, action, steps[-1] if steps else None, at, effect.slippage_bps)
        except Reverted as failure:
            raise Reverted(failure.code, f"{place}: {failure.message}") from failure
        except DecimalException as error:
            raise Reverted("invalid_order", f"{place}: an amount can't be computed with: {error}") from error

    def _failed(
        self,
        account: WalletAccount,
        call: Calldata | None,
        kept: Draft,
        steps: list[Step],
        gas_used: int,
        failure: Reverted,
    ) -> Ran:
        if call is None or call.atomic:
            return Ran(Draft(account, self._books), [], gas_used, failure)
        return Ran(kept, steps, gas_used, failure)

    def _send(self, draft: Draft, transaction: PreparedTransaction) -> list[Step]:
        """The value moves to whom it is sent: nowhere, when that is the wallet itself."""
        if not transaction.value or transaction.to == wallet_address(draft.account.name):
            return []
        value = money.tidy(transaction.value)
        draft.move(self.gas_key, -value, "transfer")
        return [Step("transfer", self._settings.native, value, value)]

    def mine(
        self,
        account: WalletAccount,
        pending: Pending,
        base_fee: Decimal,
        block: tuple[int, str],
        now: datetime,
    ) -> Transaction:
        """Run it in a block (number, hash): its receipt, and its one entry in the wallet's ledger."""
        transaction = pending.transaction
        price = effective_price(transaction, base_fee)
        draft, steps, gas_used, failure = self.run(account, transaction, pending.call, price, now, pending.effect)
        draft.keep()
        gas_cost = gas_used * price
        gas = (Delta(position_key=self.gas_key, amount=-gas_cost, source="gas"),) if gas_cost else ()
        account.nonce += 1
        first = steps[0] if steps else None
        entry = account.post(
            f"{transaction.tx_hash}-0",
            "transfer" if [step.operation for step in steps] == ["transfer"] else "transaction",
            now,
            tuple(draft.deltas) + gas,
            fees=(Fee(position_key=self.gas_key, amount=gas_cost, kind="gas"),) if gas_cost else (),
            client_order_id=pending.client_order_id,
            symbol=first.symbol if first else None,
            side="sell" if first and first.operation == "swap" else None,
            amount=first.amount if first else ZERO,
            cost=first.cost if first else None,
            tx_hash=transaction.tx_hash,
            block_number=block[0],
            block_hash=block[1],
            gas_used=gas_used,
            effective_gas_price=price,
        )
        receipt = Transaction(
            tx_hash=transaction.tx_hash,
            client_order_id=pending.client_order_id,
            nonce=transaction.nonce,
            status=_status(pending.call, steps, failure),
            entry=entry,
            code=None if failure is None else failure.code,
            message=None if failure is None else failure.message,
        )
        account.transactions[transaction.tx_hash] = receipt
        return receipt


def effective_price(transaction: PreparedTransaction, base_fee: Decimal) -> Decimal:
    """What a unit of gas costs it: base fee and tip, at most its cap."""
    return money.tidy(min(transaction.max_fee_per_gas, base_fee + transaction.max_priority_fee_per_gas))


def _status(call: Calldata | None, steps: list[Step], failure: Reverted | None) -> str:
    if failure is not None:
        return "cancelled" if steps else "reverted"
    return "cancelled" if call is None and not steps else "filled"
