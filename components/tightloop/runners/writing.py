"""What an event writes, as bytes, and whether its topic takes them; and the dead letter, which always fits.

All of it is made and measured inside the event, so that one that cannot be written is undone alone. The broker holds a
topic's ``max.message.bytes`` against a *batch* of records, and a record that is larger than the producer's
``batch.size`` is a batch of its own: so each record must fit by itself, with key and headers (``kafka/settings.py``).
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from tightloop.errors import MESSAGE_CHARS, ExecutionError, bounded, error_info
from tightloop.records.topics import contract_of
from tightloop.records.types import DeadLetter, Header
from tightloop.runners.shapes import Output
from tightloop.runners.state import Place, changelog_key
from tightloop.wire import codec

if TYPE_CHECKING:
    from tightloop.runners.shapes import RawRecord

DEAD_LETTERS = "dead_letters"
KEY_BYTES = 1024  # a strategy_id has at most 100
ROOM = 4096  # for the header `inputs`, and for Kafka's framing of a batch and a record (75 bytes were found to do)
SMALL = 1024  # bytes: what is no larger fits every topic, and most records are
_NAMED = ("strategy_id", "instruction_id", "trace_id")


@cache
def _named_of(kind: type[Struct]) -> tuple[str, ...]:
    return tuple(name for name in _NAMED if name in kind.__struct_fields__)


def seal_output(output: Output) -> None:
    """Make its bytes and headers. Raises ExecutionError, naming the topic: TLC-008, -009, -011, or TLC-014 (size)."""
    record = output.record
    try:
        output.value = codec.encode(record)
    except ExecutionError as error:
        raise ExecutionError(error.code, f"{output.topic}: {error.message}") from None
    headers, size = [], len(output.value) + len(output.key or b"")
    for name in _named_of(type(record)):
        if text := getattr(record, name):
            value = text.encode()
            headers.append((name, value))
            size += len(value)
    output.headers = tuple(headers)
    if size > SMALL:
        _check_size(output.topic, type(record).__name__, size)


def check_entry(changelog: str, place: Place, value: bytes | None) -> None:
    """Raises ExecutionError TLC-014 for a state entry that its changelog does not take."""
    if value is not None and len(value) > SMALL:
        _check_size(changelog, f"state entry {place[1]}", len(value) + len(changelog_key(*place)))


def _check_size(topic: str, what: str, size: int) -> None:
    limit = contract_of(topic).max_message_bytes - ROOM
    if size > limit:
        raise ExecutionError("TLC-014", f"{topic}: {what} comes to {size} bytes, and may have {limit}")


def dead_letter(raw: RawRecord, key: str | None, error: ExecutionError, component: str, now: datetime) -> Output:
    """The letter about a record. It holds the record whole, or says in ``left_out`` and ``error`` what it does not."""
    letter = DeadLetter(
        strategy_id=key,
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        key=raw.key,
        value=raw.value,
        headers=_headers_of(raw),
        error=error_info(error),
        component=component,
        halts=error.halts,
        failed_at=now,
        produced_at=now,
    )
    own_key = key.encode() if key else raw.key  # of a stray entry of the state the strategy's, not the entry's
    if own_key is not None and len(own_key) > KEY_BYTES:
        own_key = None
    for part in ("headers", "value", "key", None):
        output = Output(DEAD_LETTERS, own_key, letter)
        try:
            seal_output(output)
        except ExecutionError:
            if part is None:
                raise
            letter = _without(letter, part)
        else:
            return output
    raise AssertionError("the last try returned or raised")


def _without(letter: DeadLetter, part: str) -> DeadLetter:
    left = getattr(letter, part) or b""
    size = sum(len(one.value) for one in left) if isinstance(left, tuple) else len(left)
    told = f"{part} of {size} bytes"
    if isinstance(left, bytes):
        told += f" (blake2b-128 {blake2b(left, digest_size=16).hexdigest()})"
    note = f"; left out, as the letter would be too large: {told}"
    message = letter.error.message[: MESSAGE_CHARS - 3 * len(note)] + note
    return replace(
        letter,
        error=replace(letter.error, message=bounded(message)),
        left_out=(*letter.left_out, part),
        **{part: () if part == "headers" else None},
    )


def _headers_of(raw: RawRecord) -> tuple[Header, ...]:
    """A header's name that is no UTF-8 text can't be kept: the client does not even give it."""
    try:
        return tuple(Header(name=name, value=value) for name, value in raw.headers())
    except UnicodeDecodeError:
        return ()
