"""A venue's answers as records, and back. While a component records, it handles what comes back from the record: a
replay is given the very same.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec import Struct, structs

from tightloop.handlers import calls
from tightloop.records.types import PreparedOrder, PreparedTransaction, PreparedTransfer, VenueAnswer, VenueEntry

_KINDS: dict[str, type[Any]] = {
    "prepared": calls.Prepared,
    "order_found": calls.OrderFound,
    "not_found": calls.NotFound,
    "refused": calls.Refused,
    "not_sent": calls.NotSent,
    "gate_closed": calls.GateClosed,
    "ambiguous": calls.Ambiguous,
    "unavailable": calls.Unavailable,
    "ledger": calls.Ledger,
    "positions": calls.Positions,
    "prices": calls.PricesRead,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_WHAT: dict[type[Any], str] = {PreparedOrder: "order", PreparedTransaction: "transaction", PreparedTransfer: "transfer"}
_MICROSECOND = timedelta(microseconds=1)


def as_record(answer: calls.Answer) -> VenueAnswer:
    """``kind`` says which class the answer is of. Raises KeyError for one that has no kind."""
    fields = structs.asdict(answer)
    if "what" in fields:
        what = fields.pop("what")
        fields[_WHAT[type(what)]] = what
    if "entries" in fields:
        fields["entries"] = tuple(VenueEntry(**structs.asdict(entry)) for entry in fields["entries"])
    if fields.get("asked_at") == calls.NEVER:
        fields["asked_at"] = None
    if "retry_after_s" in fields:
        fields["retry_after_us"] = timedelta(seconds=fields.pop("retry_after_s")) // _MICROSECOND
    return VenueAnswer(kind=_NAMES[type(answer)], **fields)  # type: ignore[arg-type]


def as_answer(record: VenueAnswer) -> calls.Answer:
    """Raises KeyError for a kind that this version does not know."""
    kind = _KINDS[record.kind]
    fields: dict[str, Any] = {name: getattr(record, name, None) for name in _names_of(kind)}
    if "what" in fields:
        fields["what"] = record.order or record.transaction or record.transfer
    if "entries" in fields:
        fields["entries"] = tuple(calls.LedgerEntry(**structs.asdict(entry)) for entry in record.entries)
    if "asked_at" in fields and record.asked_at is None:
        fields["asked_at"] = calls.NEVER
    if "retry_after_s" in fields:
        fields["retry_after_s"] = (record.retry_after_us or 0) / 1_000_000
    answer: calls.Answer = kind(**fields)
    return answer


def _names_of(kind: type[Struct]) -> tuple[str, ...]:
    return kind.__struct_fields__
