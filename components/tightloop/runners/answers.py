"""A venue's answers are checked as they come in: a value that no record can carry, or that makes no sense, is no
evidence.

One entry point, :func:`checked`, pure. An answer that fails becomes the one that concludes nothing: ``Ambiguous`` where
something was to be changed, ``Unavailable`` where something was asked, with EXI-016, the field and its value. So the
loop asks on, ends ``unknown`` by its deadline and halts its key; no other key notices. Words (messages) never fail:
they are cut. Of positions only the amounts must be sound: a key that can't be read fails its comparison (REC-004).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NoReturn

from msgspec.structs import replace

from tightloop.domain import money
from tightloop.domain.deltas import SOURCES
from tightloop.domain.lengths import ID_CHARS, KEY_CHARS
from tightloop.domain.positions import parse_key
from tightloop.domain.validate import EARLIEST, LATEST
from tightloop.errors import CATALOGUE, MESSAGE_CHARS, ExecutionError, bounded
from tightloop.errors.redaction import redacted
from tightloop.handlers import calls
from tightloop.records.types import PreparedOrder, PreparedTransaction, PreparedTransfer

CODE = "EXI-016"
ENTRIES = 4096  # in one answer: an order with more fills, an account with more positions
PARTS = 256  # deltas, and fees, of one entry
CURSOR_CHARS = 4096  # one that compares holds what it compares with
BYTES = 131_072  # of calldata: what a node takes in one transaction (geth's txMaxSize)
RAW_CHARS = 4096  # of what a venue said
VALUE_CHARS = 100  # of a value that a message shows
LARGEST_ANSWERED = Decimal(10) ** 40  # sums of many such amounts still fit into a record (10^58)
LEAST_ANSWERED = -LARGEST_ANSWERED
LONGEST_PAUSE_S = 3600.0

_STATUSES = frozenset({"open", "filled", "cancelled", "rejected", "reverted"})
_KINDS = frozenset({"trade", "transaction", "transfer", "funding", "interest", "reward", "deposit"})
_SUBMITTED = (calls.OrderFound, calls.Refused, calls.NotSent, calls.GateClosed, calls.Ambiguous)
_PREPARED = (calls.Prepared, calls.Refused, calls.Unavailable)
_ALLOWED: dict[type, tuple[type, ...]] = {
    calls.Prepare: _PREPARED,
    calls.Replace: _PREPARED,
    calls.Submit: _SUBMITTED,
    calls.CancelOrder: (*_SUBMITTED, calls.NotFound, calls.Unavailable),
    calls.FindOrder: (calls.OrderFound, calls.NotFound, calls.Unavailable),
    calls.ReadLedger: (calls.Ledger, calls.Unavailable),
    calls.ReadPositions: (calls.Positions, calls.Unavailable),
    calls.FindArrival: (calls.Ledger, calls.NotFound, calls.Unavailable),
}


class _Unsound(Exception):
    """The message names the field and its value."""


def checked(call: calls.Call, answer: Any) -> calls.Answer:
    """The answer, its words cut, or the one that stands for an answer that can't be read."""
    try:
        if not isinstance(answer, _ALLOWED[type(call)]):
            _fail(type(answer).__name__, "is no answer to this")
        sound: calls.Answer = _CHECKS[type(answer)](answer)
        return sound
    except (_Unsound, AttributeError, TypeError, ValueError, ArithmeticError) as error:
        message = bounded(redacted(f"{CODE}: the answer to {type(call).__name__} can't be read: {error}"), 500)
        if isinstance(call, calls.Submit | calls.CancelOrder):
            return calls.Ambiguous(message)
        return calls.Unavailable(CODE, message)


def _fail(field: str, problem: str, value: object = None) -> NoReturn:
    shown = "" if value is None else f"{bounded(repr(value), VALUE_CHARS)} "
    raise _Unsound(f"{field}: {shown}{problem}")


# --- fields -----------------------------------------------------------------------------------------------------------


def _id(field: str, value: object, most: int = ID_CHARS) -> None:
    if not isinstance(value, str) or not value or len(value) > most or not value.isprintable():
        _fail(field, f"is no text of 1 to {most} printable characters", value)


def _id_or_none(field: str, value: object) -> None:
    if value is not None:
        _id(field, value)


def _cursor(field: str, value: object) -> None:
    if value is not None and value != "":  # empty: of an account that has no ledger yet
        _id(field, value, CURSOR_CHARS)


def _amount(
    field: str, value: Decimal | None, least: Decimal = LEAST_ANSWERED, position_key: str | None = None
) -> None:
    """``position_key``: what it is an amount of, for the message."""
    if value is None:
        return
    if not isinstance(value, Decimal) or not value.is_finite() or not least <= value < LARGEST_ANSWERED:
        problem = f"is no amount from {least:.0e} to below 1e+40" if least else "is no amount from 0"
    elif not money.fits(value):
        problem = f"has more than {money.PLACES} places"
    else:
        return
    _fail(field if position_key is None else f"{field} of {position_key}", problem, value)


def _number(field: str, value: object) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63):
        _fail(field, "is no whole number from 0 to 2^63 - 1", value)


def _time(field: str, value: object) -> None:
    if not isinstance(value, datetime) or value.tzinfo is None or not EARLIEST <= value < LATEST:
        _fail(field, f"is no time with a zone from {EARLIEST.year} to {LATEST.year}", value)


def _among(field: str, value: object, known: frozenset[str] | dict[str, Any]) -> None:
    if not isinstance(value, str) or value not in known:
        _fail(field, "is no word known here", value)


def _count(field: str, value: Sequence[object], most: int) -> None:
    if not isinstance(value, tuple) or len(value) > most:
        _fail(field, f"{len(value)} of them are more than {most}, or no tuple")


def _bytes(field: str, value: object) -> None:
    if value is not None and (not isinstance(value, bytes) or len(value) > BYTES):
        _fail(field, f"is not up to {BYTES} bytes")


def words(text: str) -> str:
    """What is wrong, as handlers are told it and records keep it: without secrets, and cut."""
    return bounded(redacted(text[: 2 * MESSAGE_CHARS]))


def _raw(text: str | None) -> str | None:
    """A venue's own words as the audit keeps them: without secrets, and cut."""
    return None if text is None else bounded(redacted(text[: 2 * RAW_CHARS]), RAW_CHARS)


def _key(field: str, value: str) -> None:
    problem = _key_problem(value) if isinstance(value, str) else "is no text"
    if problem is not None:
        _fail(field, problem, value)


@lru_cache(maxsize=8192)
def _is_legible(key: str) -> bool:
    """Whether a record can hold it: what it means is judged where it is compared."""
    return 0 < len(key) <= KEY_CHARS and key.isprintable()


@lru_cache(maxsize=8192)
def _key_problem(text: str) -> str | None:
    if len(text) > KEY_CHARS or not text.isprintable():
        return f"is no text of 1 to {KEY_CHARS} printable characters"
    try:
        named = parse_key(text).account
    except ExecutionError:
        return "is no position key"
    return None if named is None else "names an account: the one that was asked about is meant"


# --- answers ----------------------------------------------------------------------------------------------------------


def _entries(entries: tuple[calls.LedgerEntry, ...]) -> None:
    _count("entries", entries, ENTRIES)
    for number, entry in enumerate(entries):
        try:
            _entry(entry)
        except _Unsound as unsound:
            raise _Unsound(f"entries[{number}].{unsound}") from None


def _entry(entry: calls.LedgerEntry) -> None:
    _id("entry_id", entry.entry_id)
    _number("sequence", entry.sequence)
    _among("kind", entry.kind, _KINDS)
    _time("event_time", entry.event_time)
    _count("deltas", entry.deltas, PARTS)
    for delta in entry.deltas:
        _key("deltas.position_key", delta.position_key)
        _amount("deltas.amount", delta.amount, LEAST_ANSWERED, delta.position_key)
        _among("deltas.source", delta.source, SOURCES)
    _count("fees", entry.fees, PARTS)
    for fee in entry.fees:
        _key("fees.position_key", fee.position_key)
        _amount("fees.amount", fee.amount, LEAST_ANSWERED, fee.position_key)
        _id("fees.kind", fee.kind)
    if entry.side not in (None, "buy", "sell"):
        _fail("side", "is neither buy nor sell", entry.side)
    if entry.liquidity not in (None, "maker", "taker"):
        _fail("liquidity", "is neither maker nor taker", entry.liquidity)
    _amount("amount", entry.amount, money.ZERO)
    _amount("cost", entry.cost, money.ZERO)
    if entry.realised_pnl is not None:
        _amount("realised_pnl", entry.realised_pnl)
    if entry.effective_gas_price is not None:
        _amount("effective_gas_price", entry.effective_gas_price, money.ZERO)
    for name in ("client_order_id", "symbol", "tx_hash", "block_hash"):
        value = getattr(entry, name)
        if value is not None:
            _id(name, value)
    if entry.block_number is not None or entry.gas_used is not None:
        _number("block_number", entry.block_number)
        _number("gas_used", entry.gas_used)


def _order(found: calls.OrderFound) -> calls.Answer:
    _among("status", found.status, _STATUSES)
    _time("as_of", found.as_of)
    _id_or_none("venue_order_id", found.venue_order_id)
    _entries(found.entries)
    _amount("remaining", found.remaining, money.ZERO)
    _id_or_none("tx_hash", found.tx_hash)
    if found.code is not None:
        _among("code", found.code, CATALOGUE)
    _cursor("cursor_before", found.cursor_before)
    _cursor("cursor_after", found.cursor_after)
    _number("confirmations", found.confirmations)
    if found.message is None and found.raw is None:
        return found
    return replace(found, message=None if found.message is None else words(found.message), raw=_raw(found.raw))


def _not_found(answer: calls.NotFound) -> calls.Answer:
    _time("as_of", answer.as_of)
    for name in ("nonce", "settled_nonce", "block_number"):
        _number(name, getattr(answer, name))
    return replace(answer, raw=_raw(answer.raw))


def _coded(answer: calls.Refused | calls.NotSent | calls.Unavailable) -> calls.Answer:
    _among("code", answer.code, CATALOGUE)
    if isinstance(answer, calls.NotSent) and not 0 <= answer.retry_after_s <= LONGEST_PAUSE_S:
        _fail("retry_after_s", f"is not from 0 to {LONGEST_PAUSE_S:.0f}", answer.retry_after_s)
    if isinstance(answer, calls.Unavailable):
        return replace(answer, message=words(answer.message))
    return replace(answer, message=words(answer.message), raw=_raw(answer.raw))


def _gate(answer: calls.GateClosed) -> calls.Answer:
    _among("reason", answer.reason, frozenset({"window", "expired"}))
    return answer


def _ambiguous(answer: calls.Ambiguous) -> calls.Answer:
    return replace(answer, message=words(answer.message), raw=_raw(answer.raw))


def _ledger(answer: calls.Ledger) -> calls.Answer:
    _entries(answer.entries)
    _cursor("cursor", answer.cursor)
    _time("as_of", answer.as_of)
    return answer


def _positions(answer: calls.Positions) -> calls.Answer:
    _time("as_of", answer.as_of)
    if len(answer.amounts) > ENTRIES:
        _fail("amounts", f"{len(answer.amounts)} positions are more than {ENTRIES}")
    for key, amount in answer.amounts.items():
        if not (isinstance(key, str) and _is_legible(key)):
            _fail("amounts (a position key)", f"is no text of 1 to {KEY_CHARS} printable characters", key)
        _amount("amounts", amount, LEAST_ANSWERED, key)
    _cursor("cursor", answer.cursor)
    _number("venue_sequence", answer.venue_sequence)
    _number("block_number", answer.block_number)
    return answer


def _prepared(answer: calls.Prepared) -> calls.Answer:
    if answer.as_of is not None:
        _time("as_of", answer.as_of)
    what = answer.what
    if isinstance(what, PreparedOrder):
        _id("what.symbol", what.symbol)
        for name in ("amount", "quote_amount", "price", "reference_price", "max_slippage_bps", "rounded_off"):
            _amount(f"what.{name}", getattr(what, name), money.ZERO)
        if (what.amount is None) == (what.quote_amount is None):
            _fail("what.amount", "and quote_amount: exactly one of them must be given", what.amount)
    elif isinstance(what, PreparedTransaction):
        _id("what.to", what.to)
        _id("what.tx_hash", what.tx_hash)
        for name in ("chain_id", "nonce", "gas_limit"):
            _number(f"what.{name}", getattr(what, name))
        for name in ("value", "max_fee_per_gas", "max_priority_fee_per_gas"):
            _amount(f"what.{name}", getattr(what, name), money.ZERO)
        for name in ("data", "authorisation"):
            _bytes(f"what.{name}", getattr(what, name))
    elif isinstance(what, PreparedTransfer):
        _id("what.asset", what.asset)
        for name in ("amount", "fee"):
            _amount(f"what.{name}", getattr(what, name), least=money.ZERO)
        for name in ("address", "network", "destination"):
            _id_or_none(f"what.{name}", getattr(what, name))
    else:
        _fail("what", "is neither an order, a transaction nor a transfer", what)
    return answer


_CHECKS: dict[type, Callable[[Any], calls.Answer]] = {
    calls.OrderFound: _order,
    calls.NotFound: _not_found,
    calls.Refused: _coded,
    calls.NotSent: _coded,
    calls.Unavailable: _coded,
    calls.GateClosed: _gate,
    calls.Ambiguous: _ambiguous,
    calls.Ledger: _ledger,
    calls.Positions: _positions,
    calls.Prepared: _prepared,
}
