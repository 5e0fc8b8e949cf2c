"""Adapters to the simulated venues' server: one per lane, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal
from urllib.parse import quote

import msgspec

from tightloop.domain.directory import LaneSpec
from tightloop.errors import ExecutionError
from tightloop.handlers.calls import (
    Ambiguous,
    Arrived,
    DepositAddress,
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
from tightloop.venues.http import Answer, Broken, HttpClient, NotLeft
from tightloop.venues.sim import translate
from tightloop.venues.sim.prepared_transactions import (
    call_of,
    nothing,
    prepare_replacement,
    prepare_transaction,
    unsupported,
)
from tightloop.venues.sim.prepared_transfers import prepare_transfer
from tightloop.venues.sim.preparing import Listed, listed, prepare_order
from tightloop.venues.sim.settings import ExchangeSettings
from tightloop.venues.sim.transactions import Call, Simulated

_encode = msgspec.json.Encoder().encode
_order = msgspec.json.Decoder(OrderFound).decode
_ledger = msgspec.json.Decoder(Ledger).decode
_positions = msgspec.json.Decoder(Positions).decode
_simulated = msgspec.json.Decoder(Simulated).decode
_address = msgspec.json.Decoder(DepositAddress).decode
_exchange = msgspec.json.Decoder(ExchangeSettings).decode
_arrived = msgspec.json.Decoder(Arrived).decode
_error = msgspec.json.Decoder(translate.ErrorBody).decode
_NO_CODE = translate.ErrorBody("", "the answer can't be read")


class _Told(msgspec.Struct, frozen=True):
    """What a lane says of itself. ``chain_id``: chains."""

    time: datetime
    chain_id: int | None = None


_told = msgspec.json.Decoder(_Told).decode


class SimReader:
    """A lane of the simulated venues, to read only."""

    def __init__(self, lane: LaneSpec, host: str, port: int, *, read_timeout_s: float = 10.0) -> None:
        self.lane = lane
        self._read_timeout_s = read_timeout_s
        self._http = HttpClient(host, port)
        self._path = f"/{lane.name}"

    async def open(self) -> datetime:
        """Raises ExecutionError EIF-008, EIF-010, EIF-011."""
        got = await self._read("/time")
        if isinstance(got, Unavailable):
            raise ExecutionError("EIF-011", f"{self.lane.name}: {got.message}")
        status, body = got
        if status == 404:
            raise ExecutionError(
                "EIF-010",
                f"the simulated venues have no lane {self.lane.name}",
                remedy="Start them with the configuration that the components have (`tightloop sandbox sim --config`).",
            )
        if status != 200:
            raise ExecutionError("EIF-011", f"{self.lane.name}: {_unavailable(got).message}")
        told = _told(body)
        if told.chain_id != self.lane.chain_id:
            raise ExecutionError(
                "EIF-008", f"{self.lane.name} is chain {self.lane.chain_id} here, and {told.chain_id} at the venue"
            )
        return told.time

    async def _read(self, path: str, method: str = "GET", body: bytes | None = None) -> Answer | Unavailable:
        try:
            return await self._http.ask(method, self._path + path, body, self._read_timeout_s)
        except (NotLeft, Broken) as error:
            return Unavailable(translate.UNAVAILABLE, str(error))

    async def ledger(self, account: AccountRef, cursor: str | None) -> Ledger | Unavailable:
        got = await self._read(f"/ledger?account={quote(account.account)}&after={cursor or 0}")
        if isinstance(got, Unavailable) or got[0] != 200:
            return _unavailable(got)
        return _ledger(got[1])

    async def positions(self, account: AccountRef) -> Positions | Unavailable:
        got = await self._read(f"/positions?account={quote(account.account)}")
        if isinstance(got, Unavailable) or got[0] != 200:
            return _unavailable(got)
        return _positions(got[1])

    async def find_arrival(self, account: AccountRef, reference: str) -> Arrived | NotFound | Unavailable:
        got = await self._read(f"/arrival?account={quote(account.account)}&reference={quote(reference)}")
        if isinstance(got, Unavailable):
            return got
        error = _refusal(got[1]) if got[0] == 404 else _NO_CODE
        if error.code == "unknown_order" and error.as_of is not None:
            return NotFound(error.as_of)
        return _arrived(got[1]) if got[0] == 200 else _unavailable(got)

    async def deposit_address(self, account: AccountRef, asset: str, network: str | None) -> Addressed:
        on = "" if network is None else f"&network={quote(network)}"
        got = await self._read(f"/deposit-address?account={quote(account.account)}&asset={quote(asset)}{on}")
        if isinstance(got, Unavailable):
            return got
        status, body = got
        return _address(body) if status == 200 else translate.refusal_of_prepare(_refusal(body), status, _text(body))

    async def close(self) -> None:
        await self._http.close()


class _SimLane(SimReader):
    """What both kinds of lane share of what acts."""

    def __init__(
        self,
        lane: LaneSpec,
        host: str,
        port: int,
        *,
        mutation_timeout_s: float = 5.0,
        read_timeout_s: float = 10.0,
    ) -> None:
        super().__init__(lane, host, port, read_timeout_s=read_timeout_s)
        self._mutation_timeout_s = mutation_timeout_s

    async def _mutate(self, method: str, path: str, body: Callable[[], bytes]) -> Answer | Submitted:
        """Send once, through the gate that ``body`` passes."""
        try:
            return await self._http.ask(method, self._path + path, body, self._mutation_timeout_s)
        except GateShut as shut:
            return GateClosed(shut.reason)
        except NotLeft as error:
            return NotSent(translate.UNAVAILABLE, str(error), 0.5)
        except Broken as error:
            return Ambiguous(str(error))

    def _evidence(self, entry: JournalEntry, got: Answer | Unavailable) -> Found:
        if isinstance(got, Unavailable):
            return got
        status, body = got
        if status == 200:
            return _found(body)
        error = _refusal(body)
        if status == 404 and error.code == "unknown_order" and error.as_of is not None:
            return translate.not_found(error, error.as_of, _text(body))
        return Unavailable(translate.UNAVAILABLE, f"{status} {error.code}: {error.message}")


def _found(body: bytes) -> OrderFound:
    return translate.order_found(_order(body), _text(body))


def _text(body: bytes) -> str:
    """The venue's own words."""
    return body.decode(errors="replace")


def _refusal(body: bytes) -> translate.ErrorBody:
    """An answer that can't be read proves nothing: its code is none of the venue's."""
    try:
        return _error(body)
    except msgspec.DecodeError:
        return _NO_CODE


def _unavailable(got: Answer | Unavailable) -> Unavailable:
    if isinstance(got, Unavailable):
        return got
    error = _refusal(got[1])
    return Unavailable(translate.UNAVAILABLE, f"{got[0]} {error.code}: {error.message}")


def _submitted(got: Answer | Submitted) -> Submitted:
    if not isinstance(got, tuple):
        return got
    status, body = got
    if status == 200:
        return _found(body)
    error = _refusal(body)
    return translate.refusal_of_submit(error, _text(body))


class SimExchange(_SimLane):
    """An exchange lane of the simulated venues."""

    _rules: ExchangeSettings | None = None
    _listed: Listed | None = None

    async def prepare(self, entry: JournalEntry, least_nonce: int | None) -> PreparedAs:
        """Its rules are read once: they stay the same for the life of a simulated exchange."""
        if self._rules is None:
            got = await self._read("/rules")
            if isinstance(got, Unavailable) or got[0] != 200:
                return _unavailable(got)
            self._rules = _exchange(got[1])
            self._listed = listed(self._rules.symbols)
        if entry.routed.instruction is not None and entry.routed.instruction.wallet_transfer is not None:
            return prepare_transfer(entry, self._rules)
        return prepare_order(entry, self._listed or {})

    async def replace(self, entry: JournalEntry, kind: Literal["bump", "cancel"]) -> PreparedAs:
        return Refused(translate.UNSUPPORTED, f"{self.lane.name}: an exchange's orders are cancelled, not replaced")

    async def submit(self, entry: JournalEntry, gate: Gate) -> Submitted:
        moves = translate.is_transfer(entry)
        made = translate.move_funds if moves else translate.place_order
        path = "/transfer" if moves else "/order"
        return _submitted(await self._mutate("POST", path, lambda: _encode(made(entry, gate.pass_through()))))

    async def find(self, entry: JournalEntry) -> Found:
        what = "transfer" if translate.is_transfer(entry) else "order"
        path = f"/{what}?account={quote(entry.account)}&client_order_id={quote(entry.client_order_id)}"
        return self._evidence(entry, await self._read(path))

    async def cancel(self, entry: JournalEntry, gate: Gate) -> Cancelled:
        got = await self._mutate(
            "DELETE", "/order", lambda: _encode(translate.cancel_order(entry, gate.pass_through()))
        )
        if isinstance(got, tuple) and got[0] != 200:
            error = _refusal(got[1])
            if error.as_of is not None:
                return translate.refusal_of_cancel(error, error.as_of, _text(got[1]))
        return _submitted(got)


class SimChain(_SimLane):
    """A chain lane of the simulated venues."""

    async def prepare(self, entry: JournalEntry, least_nonce: int | None) -> PreparedAs:
        refused = unsupported(entry)
        if refused is not None:
            return refused
        call = call_of(entry)
        told = await self._simulate(entry, call)
        return prepare_transaction(entry, call, told, least_nonce) if isinstance(told, Simulated) else told

    async def replace(self, entry: JournalEntry, kind: Literal["bump", "cancel"]) -> PreparedAs:
        told = await self._simulate(entry, nothing(entry))
        return prepare_replacement(entry, kind, told) if isinstance(told, Simulated) else told

    async def _simulate(self, entry: JournalEntry, call: Call) -> Simulated | Refused | Unavailable:
        got = await self._read(f"/simulate?account={quote(entry.account)}", "POST", _encode(call))
        if isinstance(got, Unavailable):
            return got
        status, body = got
        return _simulated(body) if status == 200 else translate.refusal_of_prepare(_refusal(body), status, _text(body))

    async def submit(self, entry: JournalEntry, gate: Gate) -> Submitted:
        sent = translate.sent_as(entry)
        if isinstance(sent, Refused):
            return sent
        got = await self._mutate(
            "POST", "/transaction", lambda: _encode(translate.broadcast(entry, sent, gate.pass_through()))
        )
        if isinstance(got, tuple) and got[0] == 409 and _refusal(got[1]).code == translate.ALREADY_KNOWN:
            found = await self.find(entry)  # for it is there
            if isinstance(found, OrderFound):
                return found
        return _submitted(got)

    async def find(self, entry: JournalEntry) -> Found:
        hashes = _encode(translate.hashes_of(entry))
        return self._evidence(entry, await self._read(f"/find?account={quote(entry.account)}", "POST", hashes))

    async def cancel(self, entry: JournalEntry, gate: Gate) -> Cancelled:
        return Refused(translate.UNSUPPORTED, "a transaction is cancelled by one that replaces it")
