"""Adapters straight into a sandbox, for backtests and tests without a server. They never really wait.

They meet the same faults with the same answers as over HTTP. A request that would act after the client's patience is
put off: it acts when the venue's clock gets there. A shorter delay is not waited for, but the signed time is judged as
if it had been.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Literal, TypeVar

import msgspec

from tightloop.domain.directory import LaneSpec
from tightloop.errors import ExecutionError
from tightloop.handlers.calls import (
    Ambiguous,
    Arrived,
    GateClosed,
    Ledger,
    NotFound,
    NotSent,
    OrderFound,
    Positions,
    Refused,
    Unavailable,
)
from tightloop.records.types import AccountRef, JournalEntry
from tightloop.venues.adapter import Addressed, Cancelled, Found, Gate, GateShut, PreparedAs, Submitted
from tightloop.venues.sim import translate
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.chain import Chain
from tightloop.venues.sim.commands import Acting, MoveFunds, PlaceOrder
from tightloop.venues.sim.errors import meaning
from tightloop.venues.sim.faults import Operation, Strike, refusal_of
from tightloop.venues.sim.prepared_transactions import (
    call_of,
    nothing,
    prepare_replacement,
    prepare_transaction,
    unsupported,
)
from tightloop.venues.sim.prepared_transfers import prepare_transfer
from tightloop.venues.sim.preparing import Listed, listed, prepare_order
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.sim.transactions import Call, Simulated

T = TypeVar("T")
Mutated = OrderFound | VenueError | NotSent | GateClosed | Ambiguous
_encode = msgspec.json.Encoder().encode
_LOST = "the connection was closed before an answer (an injected fault)"


class InProcessReader:
    """A lane of a sandbox in this process, to read only."""

    def __init__(self, lane: LaneSpec, sandbox: Sandbox, *, read_timeout_s: float = 10.0) -> None:
        self.lane = lane
        self.sandbox = sandbox
        self._name = lane.name
        self._read_timeout_s = read_timeout_s

    async def open(self) -> datetime:
        """Raises ExecutionError EIF-008, EIF-010."""
        there = self.sandbox.lanes.get(self._name)
        if there is None:
            raise ExecutionError("EIF-010", f"the sandbox has no lane {self._name}")
        chain_id = there.settings.chain_id if isinstance(there, Chain) else None
        if chain_id != self.lane.chain_id:
            what = f"{self._name} is chain {self.lane.chain_id} here, and {chain_id} at the venue"
            raise ExecutionError("EIF-008", what)
        return self.sandbox.now()

    def _look(self, operation: Operation, account: str, request: str, ask: Callable[[], T]) -> T | Unavailable:
        """A question, past the faults. Raises VenueError."""
        sandbox = self.sandbox
        strike = sandbox.faults.strike(self._name, account, operation, request, sandbox.now())
        delay = 0.0 if strike is None else strike.delay_before_s + strike.delay_after_s
        if strike is not None and (strike.drop or strike.lost_after or delay >= self._read_timeout_s):
            return Unavailable(translate.UNAVAILABLE, f"{strike.name}: {_LOST}")
        try:
            return ask()
        finally:
            sandbox.flush()

    async def ledger(self, account: AccountRef, cursor: str | None) -> Ledger | Unavailable:
        name, after = account.account, int(cursor or 0)
        try:
            return self._look("ledger", name, str(after), lambda: self.sandbox.ledger(self._name, name, after))
        except VenueError as refusal:
            return _unavailable(refusal)

    async def positions(self, account: AccountRef) -> Positions | Unavailable:
        name = account.account
        try:
            return self._look("positions", name, "", lambda: self.sandbox.positions(self._name, name))
        except VenueError as refusal:
            return _unavailable(refusal)

    async def find_arrival(self, account: AccountRef, reference: str) -> Arrived | NotFound | Unavailable:
        name = account.account
        try:
            return self._look("ledger", name, reference, lambda: self.sandbox.arrival(self._name, name, reference))
        except VenueError as refusal:
            if refusal.code == "unknown_order":
                return NotFound(self.sandbox.now())
            return _unavailable(refusal)

    async def deposit_address(self, account: AccountRef, asset: str, network: str | None) -> Addressed:
        sandbox, name = self.sandbox, account.account
        try:
            return self._look(
                "find", name, f"{asset}|{network}", lambda: sandbox.deposit_address(self._name, name, asset, network)
            )
        except VenueError as refusal:
            error = translate.error_body(refusal, sandbox.now())
            return translate.refusal_of_prepare(error, meaning(refusal.code).status, _text(error))

    async def close(self) -> None:
        self.sandbox.flush()


class _InProcessLane(InProcessReader):
    """What both kinds of lane share of what acts.

    ``quotes_found``: what the server would say, word for word, comes with what was found, too, and not with refusals
    alone. It goes to the audit; where the books are at hand nobody needs it there.
    """

    def __init__(
        self,
        lane: LaneSpec,
        sandbox: Sandbox,
        *,
        mutation_timeout_s: float = 5.0,
        read_timeout_s: float = 10.0,
        quotes_found: bool = True,
    ) -> None:
        super().__init__(lane, sandbox, read_timeout_s=read_timeout_s)
        self._mutation_timeout_s = mutation_timeout_s
        self._quotes_found = quotes_found

    def _mutate(
        self, operation: Operation, request: str, entry: JournalEntry, gate: Gate, build: Callable[[datetime], Acting]
    ) -> Mutated:
        """Through the gate, past the faults, into the engine, and durable before the answer."""
        try:
            command = build(gate.pass_through())
        except GateShut as shut:
            return GateClosed(shut.reason)
        sandbox = self.sandbox
        sandbox.catch_up()
        arrived = sandbox.now()
        strike = sandbox.faults.strike(self._name, entry.account, operation, request, arrived)
        try:
            if strike is None:
                return self._act(command, arrived, None, timedelta(0))
            return self._misact(command, arrived, strike)
        except VenueError as refusal:
            return refusal if strike is None or not self._unheard(strike) else Ambiguous(_LOST)
        finally:
            sandbox.flush()

    def _act(self, command: Acting, arrived: datetime, strike: Strike | None, late: timedelta) -> OrderFound:
        found = self.sandbox.act(self._name, command, arrived, strike, late)
        if found is None:
            raise TypeError(f"{type(command).__name__} has no evidence")
        return found

    def _unheard(self, strike: Strike) -> bool:
        return strike.lost_after or strike.delay_after_s >= self._mutation_timeout_s

    def _misact(self, command: Acting, arrived: datetime, strike: Strike) -> OrderFound | VenueError | Ambiguous:
        if strike.drop is not None:
            self.sandbox.drop(self._name, command, arrived, strike)
            return _dropped(strike)
        delay = timedelta(seconds=strike.delay_before_s)
        if strike.delay_before_s >= self._mutation_timeout_s:
            self.sandbox.defer(arrived + delay, self._name, command, arrived, strike)
            return Ambiguous("no answer in time (an injected fault)")
        try:
            found = self._act(command, arrived, strike, delay)
        finally:
            if strike.act_twice:
                self._act_again(command, arrived, strike, delay)
        return Ambiguous(_LOST) if self._unheard(strike) else found

    def _act_again(self, command: Acting, arrived: datetime, strike: Strike, delay: timedelta) -> None:
        with suppress(VenueError):  # the duplicate's answer reaches nobody; the request log has it
            self._act(command, arrived, strike, delay)

    def _found(self, entry: JournalEntry, request: str, ask: Callable[[], OrderFound]) -> Found:
        """``request``: the question's own id, for the faults."""
        try:
            found = self._look("find", entry.account, request, ask)
        except VenueError as refusal:
            if meaning(refusal.code).verdict == "unknown":
                now = self.sandbox.now()
                error = translate.error_body(refusal, now)
                return translate.not_found(error, now, _text(error))
            return _unavailable(refusal)
        if isinstance(found, Unavailable):
            return found
        return self._told(found)

    def _told(self, found: OrderFound) -> OrderFound:
        return translate.order_found(found, _text(found) if self._quotes_found else None)

    def _submitted(self, got: Mutated, now: datetime) -> Submitted:
        if isinstance(got, VenueError):
            error = translate.error_body(got, now)
            return translate.refusal_of_submit(error, _text(error))
        return self._told(got) if isinstance(got, OrderFound) else got


def _dropped(strike: Strike) -> VenueError | Ambiguous:
    return refusal_of(strike) or Ambiguous(_LOST)


def _unavailable(refusal: VenueError) -> Unavailable:
    return Unavailable(translate.UNAVAILABLE, f"{refusal.code}: {refusal.message}")


def _text(answer: OrderFound | translate.ErrorBody) -> str:
    """What the server would say."""
    return _encode(answer).decode()


class InProcessExchange(_InProcessLane):
    """An exchange lane of a sandbox in this process."""

    _listed: Listed | None = None  # made once: the rules of an exchange do not change

    async def prepare(self, entry: JournalEntry, least_nonce: int | None) -> PreparedAs:
        settings = self.sandbox.exchanges[self._name].settings
        if entry.routed.instruction is not None and entry.routed.instruction.wallet_transfer is not None:
            return prepare_transfer(entry, settings)
        if self._listed is None:
            self._listed = listed(settings.symbols)
        return prepare_order(entry, self._listed)

    async def replace(self, entry: JournalEntry, kind: Literal["bump", "cancel"]) -> PreparedAs:
        return Refused(translate.UNSUPPORTED, f"{self._name}: an exchange's orders are cancelled, not replaced")

    async def submit(self, entry: JournalEntry, gate: Gate) -> Submitted:
        moves = translate.is_transfer(entry)

        def build(signed: datetime) -> PlaceOrder | MoveFunds:
            return translate.move_funds(entry, signed) if moves else translate.place_order(entry, signed)

        got = self._mutate("transfer" if moves else "order", entry.client_order_id, entry, gate, build)
        return self._submitted(got, self.sandbox.now())

    async def find(self, entry: JournalEntry) -> Found:
        name, sandbox = entry.client_order_id, self.sandbox
        ask = sandbox.find_transfer if translate.is_transfer(entry) else sandbox.find
        return self._found(entry, name, lambda: ask(self._name, entry.account, name))

    async def cancel(self, entry: JournalEntry, gate: Gate) -> Cancelled:
        got = self._mutate(
            "cancel", entry.client_order_id, entry, gate, lambda signed: translate.cancel_order(entry, signed)
        )
        now = self.sandbox.now()
        if isinstance(got, VenueError):
            error = translate.error_body(got, now)
            return translate.refusal_of_cancel(error, now, _text(error))
        return self._submitted(got, now)


class InProcessChain(_InProcessLane):
    """A chain lane of a sandbox in this process."""

    async def prepare(self, entry: JournalEntry, least_nonce: int | None) -> PreparedAs:
        refused = unsupported(entry)
        if refused is not None:
            return refused
        call = call_of(entry)
        told = self._simulate(entry, call)
        return prepare_transaction(entry, call, told, least_nonce) if isinstance(told, Simulated) else told

    async def replace(self, entry: JournalEntry, kind: Literal["bump", "cancel"]) -> PreparedAs:
        told = self._simulate(entry, nothing(entry))
        return prepare_replacement(entry, kind, told) if isinstance(told, Simulated) else told

    def _simulate(self, entry: JournalEntry, call: Call) -> Simulated | Refused | Unavailable:
        account = entry.account
        try:
            return self._look("simulate", account, "", lambda: self.sandbox.simulate(self._name, account, call))
        except VenueError as refusal:
            error = translate.error_body(refusal, self.sandbox.now())
            return translate.refusal_of_prepare(error, meaning(refusal.code).status, _text(error))

    async def submit(self, entry: JournalEntry, gate: Gate) -> Submitted:
        sent = translate.sent_as(entry)
        if isinstance(sent, Refused):
            return sent
        got = self._mutate(
            "transaction", sent.tx_hash, entry, gate, lambda signed: translate.broadcast(entry, sent, signed)
        )
        if isinstance(got, VenueError) and got.code == translate.ALREADY_KNOWN:
            found = await self.find(entry)  # for it is there
            if isinstance(found, OrderFound):
                return found
        return self._submitted(got, self.sandbox.now())

    async def find(self, entry: JournalEntry) -> Found:
        hashes = translate.hashes_of(entry)
        return self._found(entry, ",".join(hashes), lambda: self.sandbox.find(self._name, entry.account, hashes))

    async def cancel(self, entry: JournalEntry, gate: Gate) -> Cancelled:
        return Refused(translate.UNSUPPORTED, "a transaction is cancelled by one that replaces it")
