"""The small books of a scripted venue: one account, orders and transactions by client order id, a ledger."""

from __future__ import annotations

from decimal import Decimal
from hashlib import blake2b
from typing import Any, Literal

from tightloop.domain import money
from tightloop.domain.directory import LaneSpec
from tightloop.domain.venues import SPOT
from tightloop.handlers import calls
from tightloop.records.types import Delta, Fee, JournalEntry, PreparedOrder, PreparedTransaction
from tightloop.runners.clock import Clock
from tightloop.venues import registry

GAS = Decimal("0.001")  # ETH a transaction costs
FEE_CAP, TIP = Decimal("0.00000004"), Decimal("0.000000001")  # ETH per gas
RAISE = Decimal("1.125")  # what a replacement pays more
FEE = Decimal("0.001")  # of what is received in a trade
AccrualKind = Literal["funding", "interest", "reward", "deposit"]


class Order:
    """An order or a transaction: ``remaining`` in base units; ``status`` as in ``OrderFound``."""

    def __init__(self, entry: JournalEntry, amount: Decimal, before: str) -> None:
        self.entry = entry
        self.remaining = amount
        self.before = before
        self.status: Literal["open", "filled", "cancelled", "rejected", "reverted"] = "open"
        self.entries: list[calls.LedgerEntry] = []


class Books:
    """What one account holds. An exchange trades ``symbol`` for cash; a chain swaps the tokens of its first action."""

    def __init__(self, lane: LaneSpec, clock: Clock, price: Decimal, opening: dict[str, Decimal] | None) -> None:
        self.venue = lane.home
        self._spec = registry.known().venues.find(lane.home)
        self.chain = lane.kind == "chain"
        self.chain_id = lane.chain_id or 1
        self.price = price
        self.amounts = dict(opening if opening is not None else self._usual_opening())
        self.entries: list[calls.LedgerEntry] = []
        self.orders: dict[str, Order] = {}
        self.acted: list[str] = []  # the client order id of every order taken, in order: one that stands twice is a bug
        self.nonce = 0
        self._clock = clock

    def key(self, asset: str) -> str:
        """Of the position: where an account is unified, what perpetuals settle in is its margin balance."""
        return f"{self.venue}:{self._spec.balance_type(SPOT, asset)}:{asset}"

    def _usual_opening(self) -> dict[str, Decimal]:
        held = {"ETH": 100, "USDT": 1_000_000, "WETH": 100} if self.chain else {"USDT": 1_000_000, "BTC": 10}
        return {self.key(asset): Decimal(amount) for asset, amount in held.items()}

    # --- acting -------------------------------------------------------------------------------------------------------

    def open(self, entry: JournalEntry) -> Order:
        """Take the order: as a real exchange would, a second one under the same id, too."""
        order = Order(entry, _amount(entry, self.price), self._cursor())
        self.orders[entry.client_order_id] = order
        self.acted.append(entry.client_order_id)
        return order

    def take_nonce(self, entry: JournalEntry) -> Order:
        """An empty transaction under the entry's nonce: it costs gas, and is no order."""
        order = self.orders.get(entry.client_order_id) or Order(entry, money.ZERO, self._cursor())
        self.orders[entry.client_order_id] = order
        order.entry = entry
        self.burn(order)
        order.status = "cancelled"
        return order

    def fill(self, order: Order, amount: Decimal) -> None:
        """One trade, or the transaction itself."""
        deltas, fees = self._moves(order.entry, amount)
        self._post(order, "transaction" if self.chain else "trade", deltas, fees, amount)
        order.remaining -= amount
        if not order.remaining:
            order.status = "filled"

    def burn(self, order: Order) -> None:
        """Gas and nonce, and nothing else."""
        gas = self.key("ETH")
        self._post(
            order,
            "transaction",
            (Delta(position_key=gas, amount=-GAS, source="gas"),),
            (Fee(position_key=gas, amount=GAS, kind="gas"),),
            money.ZERO,
        )

    def accrue(self, kind: AccrualKind, asset: str, amount: Decimal) -> None:
        """An entry that no order caused."""
        source = "transfer" if kind == "deposit" else kind
        key = self.key(asset)
        self._post(None, kind, (Delta(position_key=key, amount=amount, source=source),), (), money.ZERO)

    def drift(self, asset: str, amount: Decimal) -> None:
        """A balance changes and no ledger entry says so."""
        key = self.key(asset)
        self.amounts[key] = self.amounts.get(key, money.ZERO) + amount

    # --- preparing ----------------------------------------------------------------------------------------------------

    def prepare(self, entry: JournalEntry, least_nonce: int | None) -> calls.Prepared:
        if not self.chain:
            return calls.Prepared(_order(entry))
        nonce = max(self.nonce, least_nonce or 0)
        data = entry.client_order_id.encode()
        return calls.Prepared(
            _transaction(self.chain_id, nonce, "0x" + "c0" * 20, data, FEE_CAP, TIP), self._clock.now()
        )

    def replace(self, entry: JournalEntry, kind: Literal["bump", "cancel"]) -> calls.Prepared:
        """A sibling: the same once more, or an empty one, that pays an eighth more than the dearest so far."""
        siblings = [one.transaction for one in entry.submissions if one.transaction is not None]
        last = siblings[-1]
        cap = max(one.max_fee_per_gas for one in siblings) * RAISE
        tip = max(one.max_priority_fee_per_gas for one in siblings) * RAISE
        to, data = ("0x" + "aa" * 20, b"") if kind == "cancel" else (last.to, last.data)
        return calls.Prepared(_transaction(self.chain_id, last.nonce, to, data, cap, tip), self._clock.now())

    # --- asking -------------------------------------------------------------------------------------------------------

    def find(self, entry: JournalEntry) -> calls.OrderFound | calls.NotFound:
        order = self.orders.get(entry.client_order_id)
        if order is None:
            nonce = self.nonce if self.chain else None
            return calls.NotFound(self._clock.now(), nonce, nonce, len(self.entries) if self.chain else None)
        return self.evidence(order)

    def evidence(self, order: Order) -> calls.OrderFound:
        last = (order.entries[-1].sequence or 0) if order.entries else 0
        adjoins = bool(order.entries) and last - int(order.before) == len(order.entries)
        return calls.OrderFound(
            status=order.status,
            as_of=self._clock.now(),
            venue_order_id=f"order-{order.entry.client_order_id[:8]}",
            entries=tuple(order.entries),
            remaining=order.remaining,
            cursor_before=order.before if adjoins else None,
            cursor_after=str(last) if adjoins else None,
            tx_hash=_hash(order.entry) if self.chain else None,
            confirmations=len(self.entries) - last + 1 if self.chain and order.entries else None,
        )

    def ledger(self, cursor: str | None) -> calls.Ledger:
        return calls.Ledger(tuple(self.entries[int(cursor or 0) :]), self._cursor(), self._clock.now())

    def positions(self) -> calls.Positions:
        held = {key: amount for key, amount in self.amounts.items() if amount}
        return calls.Positions(self._clock.now(), held, self._cursor(), venue_sequence=len(self.entries))

    # --- inside -------------------------------------------------------------------------------------------------------

    def _cursor(self) -> str:
        return str(len(self.entries))

    def _post(
        self,
        order: Order | None,
        kind: Literal["trade", "transaction", "transfer", "funding", "interest", "reward", "deposit"],
        deltas: tuple[Delta, ...],
        fees: tuple[Fee, ...],
        amount: Decimal,
    ) -> None:
        number = len(self.entries) + 1
        entry = calls.LedgerEntry(
            entry_id=f"{self.venue}-{number}",
            sequence=number,
            kind=kind,
            event_time=self._clock.now(),
            deltas=deltas,
            fees=fees,
            client_order_id=order.entry.client_order_id if order else None,
            amount=amount,
            cost=amount * self.price if kind == "trade" else None,
            tx_hash="0x" + f"{number:064x}" if kind == "transaction" else None,
        )
        self.entries.append(entry)
        if order is not None:
            order.entries.append(entry)
        if kind == "transaction":
            self.nonce += 1
        for delta in deltas:
            self.amounts[delta.position_key] = self.amounts.get(delta.position_key, money.ZERO) + delta.amount

    def _moves(self, entry: JournalEntry, amount: Decimal) -> tuple[tuple[Delta, ...], tuple[Fee, ...]]:
        given, got, paid, received = self._exchange(entry, amount)
        fee_key, fee = (self.key("ETH"), GAS) if self.chain else (got, received * FEE)
        moved = (
            Delta(position_key=got, amount=received, source="trade"),
            Delta(position_key=given, amount=-paid, source="trade"),
            Delta(position_key=fee_key, amount=-fee, source="gas" if self.chain else "fee"),
        )
        return moved, (Fee(position_key=fee_key, amount=fee, kind="gas" if self.chain else "trading"),)

    def _exchange(self, entry: JournalEntry, amount: Decimal) -> tuple[str, str, Decimal, Decimal]:
        """What is given, what is got, and how much of each."""
        instruction = entry.routed.instruction
        if instruction is not None and instruction.cex_trade is not None:
            base, _, quote = instruction.cex_trade.symbol.partition("/")
            bought = (self.key(quote), self.key(base))
            if instruction.cex_trade.side == "buy":
                return (*bought, amount * self.price, amount)
            return (*reversed(bought), amount, amount * self.price)  # type: ignore[return-value]
        if instruction is None or instruction.smart_contract_action is None:
            raise ValueError("a scripted venue trades and swaps, and does nothing else")
        step = instruction.smart_contract_action.actions[0]
        if step.token_in is None or step.token_out is None:
            raise ValueError(f"a scripted venue swaps one token for another, and {step.operation} does not name both")
        return self.key(step.token_in), self.key(step.token_out), amount, amount


def _hash(entry: JournalEntry) -> str | None:
    transaction = entry.submissions[-1].transaction
    return transaction.tx_hash if transaction else None


def _order(entry: JournalEntry) -> PreparedOrder:
    trade: Any = entry.routed.instruction.cex_trade if entry.routed.instruction else None
    same = ("market", "symbol", "side", "order_type", "amount", "quote_amount", "price", "time_in_force", "reduce_only")
    return PreparedOrder(**{name: getattr(trade, name) for name in same})


def _transaction(chain_id: int, nonce: int, to: str, data: bytes, cap: Decimal, tip: Decimal) -> PreparedTransaction:
    signed = f"{chain_id}|{nonce}|{to}|{data.hex()}|{cap}|{tip}"
    return PreparedTransaction(
        chain_id=chain_id,
        nonce=nonce,
        to=to,
        data=data,
        gas_limit=200_000,
        max_fee_per_gas=cap,
        max_priority_fee_per_gas=tip,
        tx_hash="0x" + blake2b(signed.encode(), digest_size=32).hexdigest(),
    )


def _amount(entry: JournalEntry, price: Decimal) -> Decimal:
    instruction = entry.routed.instruction
    if instruction is not None and instruction.cex_trade is not None:
        trade = instruction.cex_trade
        return trade.amount if trade.amount is not None else money.price(trade.quote_amount or money.ZERO, price)
    if instruction is not None and instruction.smart_contract_action is not None:
        return instruction.smart_contract_action.actions[0].amount or money.ZERO
    raise ValueError("a scripted venue trades and swaps, and does nothing else")
