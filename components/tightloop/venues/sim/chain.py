"""One simulated chain: every transaction is a block of its own, mined at once. Pure: time is passed in.

The nonce fences: one below the wallet's next is refused, a known hash is "already known", a gap is refused. A
transaction that reverts spends its gas and its nonce, and does nothing else.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import blake2b

from tightloop.handlers.calls import OrderFound
from tightloop.records.types import Delta, Fee
from tightloop.venues.sim.books import ZERO, VenueError
from tightloop.venues.sim.clock import MarketClock
from tightloop.venues.sim.commands import Broadcast, Effect
from tightloop.venues.sim.market import LendingIndices, Market
from tightloop.venues.sim.protocols import Protocols, Step
from tightloop.venues.sim.settings import ChainSettings
from tightloop.venues.sim.wallets import OWED, SUPPLIED, Draft, Lending, Reverted, Transaction, WalletAccount

_NO_EFFECT = Effect()


class Chain:
    """All wallets of one chain lane."""

    kind = "chain"

    def __init__(self, settings: ChainSettings, market: Market, clock: MarketClock, step: timedelta) -> None:
        self.lane = settings.lane
        self.settings = settings
        self.accounts: dict[str, WalletAccount] = {}
        self.block_number = settings.first_block
        self.block_hash = _hash(settings.lane, str(settings.chain_id))
        self._market = market
        self._clock = clock
        self._lending = Lending(LendingIndices(market, step), settings.decimals)
        self._protocols = Protocols(settings, market)
        self._gas_key = f"wallet:BaseToken:{settings.native}"

    def open(self, name: str, opening: dict[str, Decimal] | None, now: datetime) -> None:
        chosen = dict(self.settings.opening if opening is None else opening)
        self.accounts[name] = WalletAccount(name, chosen, now, self._clock.market(now), self._lending)

    def settle(self, account: WalletAccount, now: datetime) -> None:
        """Interest, one entry a step and position, up to now."""
        target = self._clock.market(now)
        last = self._lending.indices.step_of(target)
        if account.shares:
            for step in range(account.step + 1, last + 1):
                self._accrue(account, step)
        account.step = max(account.step, last)
        account.settled_to = target

    def _accrue(self, account: WalletAccount, step: int) -> None:
        due = self._lending.indices.time_of(step)
        for key in sorted(account.shares):
            grown = self._lending.balance(key, account.shares[key], step) - account.balance(key)
            if grown:
                account.post(
                    f"{self.lane}-{account.name}-interest-{key}-{due:%Y%m%dT%H%M%S}",
                    "interest",
                    self._clock.venue(due),
                    (Delta(position_key=key, amount=grown, source="interest"),),
                    symbol=key.rpartition(":")[2],
                )

    # --- transactions ---------------------------------------------------------------------------------------------

    def broadcast(self, account: WalletAccount, command: Broadcast, now: datetime, effect: Effect | None) -> OrderFound:
        """Raises VenueError when nothing was done: then neither nonce nor gas is spent."""
        effect = effect or _NO_EFFECT
        if command.tx_hash in account.transactions:
            raise VenueError("already_known", f"the transaction {command.tx_hash} is known")
        if command.nonce < account.nonce:
            raise VenueError("nonce_too_low", f"nonce {command.nonce}, the wallet's next is {account.nonce}")
        if effect.reject is not None:
            raise VenueError(effect.reject, effect.message or "refused by an injected fault")
        self._check(account, command)
        at = self._clock.decided(command.decided_at)
        gas_price = self._market.gas_price(at)
        gas_limit = self.settings.gas["base"] + sum(self._protocols.gas(action) for action in command.actions)
        if command.max_fee is not None and gas_limit * gas_price > command.max_fee:
            raise VenueError("fee_cap", f"gas costs {gas_limit * gas_price}, the most allowed is {command.max_fee}")
        if account.balance(self._gas_key) < gas_limit * gas_price:
            raise VenueError("insufficient_balance", f"{self._gas_key}: not enough for gas, {gas_limit * gas_price}")
        transaction = self._mine(account, command, gas_price, now, effect)
        return self.evidence(account, transaction, now)

    def _check(self, account: WalletAccount, command: Broadcast) -> None:
        if command.nonce > account.nonce:
            raise VenueError("nonce_too_high", f"nonce {command.nonce}, the wallet's next is {account.nonce}")
        if command.chain_id != self.settings.chain_id:
            raise VenueError("invalid_order", f"chain id {command.chain_id}; {self.lane} is {self.settings.chain_id}")
        if not command.actions:
            raise VenueError("invalid_order", "a transaction needs at least one action")
        for action in command.actions:
            self._protocols.check(action)

    def _mine(
        self, account: WalletAccount, command: Broadcast, gas_price: Decimal, now: datetime, effect: Effect
    ) -> Transaction:
        draft, steps, gas_used, failure = self._run(account, command, gas_price, now, effect)
        draft.keep()
        gas_cost = gas_used * gas_price
        gas = (Delta(position_key=self._gas_key, amount=-gas_cost, source="gas"),) if gas_cost else ()
        self.block_number += 1
        self.block_hash = _hash(self.block_hash, command.tx_hash)
        account.nonce += 1
        first = steps[0] if steps else None
        entry = account.post(
            f"{command.tx_hash}-0",
            "transfer" if [step.operation for step in steps] == ["transfer"] else "transaction",
            now,
            tuple(draft.deltas) + gas,
            fees=(Fee(position_key=self._gas_key, amount=gas_cost, kind="gas"),) if gas_cost else (),
            client_order_id=command.client_order_id,
            symbol=first.symbol if first else None,
            side="sell" if first and first.operation == "swap" else None,
            amount=first.amount if first else ZERO,
            cost=first.cost if first else None,
            tx_hash=command.tx_hash,
            block_number=self.block_number,
            block_hash=self.block_hash,
            gas_used=gas_used,
            effective_gas_price=gas_price,
        )
        transaction = Transaction(
            tx_hash=command.tx_hash,
            client_order_id=command.client_order_id,
            nonce=command.nonce,
            status="filled" if failure is None else "cancelled" if steps else "reverted",
            entry=entry,
            code=None if failure is None else failure.code,
            message=None if failure is None else failure.message,
        )
        account.transactions[command.tx_hash] = transaction
        return transaction

    def _run(
        self, account: WalletAccount, command: Broadcast, gas_price: Decimal, now: datetime, effect: Effect
    ) -> tuple[Draft, list[Step], int, Reverted | None]:
        """The wallet after the steps, what they did, the gas they took, and what went wrong."""
        at = self._clock.decided(command.decided_at)
        kept = Draft(account, self._lending)
        steps: list[Step] = []
        gas_used = self.settings.gas["base"]
        try:
            if effect.revert:
                raise Reverted("reverted", effect.message or "reverted by an injected fault")
            if command.deadline is not None and now > command.deadline:
                raise Reverted("reverted", f"the deadline {command.deadline.isoformat()} has passed")
            for number, action in enumerate(command.actions):
                gas_used += self._protocols.gas(action)
                trial = kept.branch()
                before = steps[-1] if steps else None
                step = self._protocols.run(trial, action, before, at, effect.slippage_bps)
                if trial.balance(self._gas_key) < gas_used * gas_price:
                    raise Reverted("insufficient_balance", f"action {number}: it would leave too little for gas")
                kept = trial
                steps.append(step)
        except Reverted as failure:
            if command.atomic or len(command.actions) == 1:
                return Draft(account, self._lending), [], gas_used, failure
            return kept, steps, gas_used, failure
        return kept, steps, gas_used, None

    def find(self, account: WalletAccount, tx_hash: str, now: datetime) -> OrderFound:
        """The receipt. Raises VenueError when the chain does not know the transaction."""
        transaction = account.transactions.get(tx_hash)
        if transaction is None:
            raise VenueError("unknown_order", f"no transaction {tx_hash}", account.nonce)
        return self.evidence(account, transaction, now)

    def evidence(self, account: WalletAccount, transaction: Transaction, now: datetime) -> OrderFound:
        return account.evidence(
            transaction.status,
            now,
            (transaction.entry,),
            venue_order_id=transaction.tx_hash,
            remaining=ZERO,
            tx_hash=transaction.tx_hash,
            code=transaction.code,
            message=transaction.message,
        )

    def drift(self, account: WalletAccount, key: str, amount: Decimal, now: datetime) -> None:
        account.drift(key, amount, now)
        if key.startswith((SUPPLIED, OWED)):
            account.reshare(key, account.balance(key), self._lending)


def _hash(*parts: str) -> str:
    return "0x" + blake2b("|".join(parts).encode(), digest_size=32).hexdigest()
