"""Adapters to the simulated venues' server: one per lane, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from tightloop.handlers.calls import (
    Ambiguous,
    GateClosed,
    Ledger,
    NotSent,
    OrderFound,
    Positions,
    Refused,
    Unavailable,
)
from tightloop.records.types import JournalEntry
from tightloop.venues.adapter import Cancelled, Found, Gate, GateShut, PreparedAs, Submitted
from tightloop.venues.http import Answer, Broken, HttpClient, NotLeft
from tightloop.venues.sim import translate
from tightloop.venues.sim.prepared_transactions import (
    call_of,
    nothing,
    prepare_replacement,
    prepare_transaction,
    unsupported,
)
from tightloop.venues.sim.preparing import Listed, listed, prepare_order
from tightloop.venues.sim.settings import SymbolRules
from tightloop.venues.sim.transactions import Call, Simulated

_encode = msgspec.json.Encoder().encode
_order = msgspec.json.Decoder(OrderFound).decode
_ledger = msgspec.json.Decoder(Ledger).decode
_markets = msgspec.json.Decoder(tuple[SymbolRules, ...]).decode
_positions = msgspec.json.Decoder(Positions).decode
_simulated = msgspec.json.Decoder(Simulated).decode
_error = msgspec.json.Decoder(translate.ErrorBody).decode
_NO_CODE = translate.ErrorBody("", "the answer can't be read")


class _SimLane:
    """What both kinds of lane share: the connections, and the questions about an account."""

    fence: Literal["window", "nonce"]

    def __init__(
        self,
        lane: str,
        host: str,
        port: int,
        *,
        mutation_timeout_s: float = 5.0,
        read_timeout_s: float = 10.0,
        acceptance_window_s: float = 2.0,
    ) -> None:
        self.lane = lane
        self.acceptance_window_s = acceptance_window_s
        self._mutation_timeout_s = mutation_timeout_s
        self._read_timeout_s = read_timeout_s
        self._http = HttpClient(host, port)
        self._path = f"/{lane}"

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

    async def _read(self, path: str, method: str = "GET", body: bytes | None = None) -> Answer | Unavailable:
        try:
            return await self._http.ask(method, self._path + path, body, self._read_timeout_s)
        except (NotLeft, Broken) as error:
            return Unavailable(translate.UNAVAILABLE, str(error))

    def _evidence(self, entry: JournalEntry, got: Answer | Unavailable) -> Found:
        if isinstance(got, Unavailable):
            return got
        status, body = got
        if status == 200:
            return _found(body, entry)
        error = _refusal(body)
        if status == 404 and error.code == "unknown_order" and error.as_of is not None:
            return translate.not_found(error, error.as_of, _text(body))
        return Unavailable(translate.UNAVAILABLE, f"{status} {error.code}: {error.message}")

    async def ledger(self, strategy_id: str, venue: str, account: str, cursor: str | None) -> Ledger | Unavailable:
        got = await self._read(f"/ledger?account={quote(account)}&after={cursor or 0}")
        if isinstance(got, Unavailable) or got[0] != 200:
            return _unavailable(got)
        ledger = _ledger(got[1])
        if account == strategy_id:
            return ledger
        return replace(ledger, entries=translate.qualified_entries(ledger.entries, account))

    async def positions(self, strategy_id: str, venue: str, account: str) -> Positions | Unavailable:
        got = await self._read(f"/positions?account={quote(account)}")
        if isinstance(got, Unavailable) or got[0] != 200:
            return _unavailable(got)
        positions = _positions(got[1])
        if account == strategy_id:
            return positions
        return replace(positions, amounts=translate.qualified_amounts(positions.amounts, account))

    async def close(self) -> None:
        await self._http.close()


def _found(body: bytes, entry: JournalEntry) -> OrderFound:
    return translate.order_found(_order(body), entry.strategy_id, entry.account, _text(body))


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


def _submitted(got: Answer | Submitted, entry: JournalEntry) -> Submitted:
    if not isinstance(got, tuple):
        return got
    status, body = got
    if status == 200:
        return _found(body, entry)
    error = _refusal(body)
    return translate.refusal_of_submit(error, _text(body))


class SimExchange(_SimLane):
    """An exchange lane of the simulated venues. The signed time is its fence."""

    fence: Literal["window", "nonce"] = "window"
    _listed: Listed | None = None

    async def prepare(self, entry: JournalEntry, least_nonce: int | None) -> PreparedAs:
        """Its rules are read once: they stay the same for the life of a simulated exchange."""
        if self._listed is None:
            got = await self._read("/markets")
            if isinstance(got, Unavailable) or got[0] != 200:
                return _unavailable(got)
            self._listed = listed(_markets(got[1]))
        return prepare_order(entry, self._listed)

    async def replace(self, entry: JournalEntry, kind: Literal["bump", "cancel"]) -> PreparedAs:
        return Refused(translate.UNSUPPORTED, f"{self.lane} is an exchange: its orders are cancelled, not replaced")

    async def submit(self, entry: JournalEntry, gate: Gate) -> Submitted:
        got = await self._mutate("POST", "/order", lambda: _encode(translate.place_order(entry, gate.pass_through())))
        return _submitted(got, entry)

    async def find(self, entry: JournalEntry) -> Found:
        path = f"/order?account={quote(entry.account)}&client_order_id={quote(entry.client_order_id)}"
        return self._evidence(entry, await self._read(path))

    async def cancel(self, entry: JournalEntry, gate: Gate) -> Cancelled:
        got = await self._mutate(
            "DELETE", "/order", lambda: _encode(translate.cancel_order(entry, gate.pass_through()))
        )
        if isinstance(got, tuple) and got[0] != 200:
            error = _refusal(got[1])
            if error.as_of is not None:
                return translate.refusal_of_cancel(error, error.as_of, _text(got[1]))
        return _submitted(got, entry)


class SimChain(_SimLane):
    """A chain lane of the simulated venues. The nonce is its fence."""

    fence: Literal["window", "nonce"] = "nonce"

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
        return _submitted(got, entry)

    async def find(self, entry: JournalEntry) -> Found:
        hashes = _encode(translate.hashes_of(entry))
        return self._evidence(entry, await self._read(f"/find?account={quote(entry.account)}", "POST", hashes))

    async def cancel(self, entry: JournalEntry, gate: Gate) -> Cancelled:
        return Refused(translate.UNSUPPORTED, "a transaction is cancelled by one that replaces it")
