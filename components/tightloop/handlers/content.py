"""Is this the same record again? A short hash of what a record says, leaving out when it was written, and why."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from operator import attrgetter

from msgspec import Struct, msgpack, structs

_MEASURED = frozenset({"produced_at", "observed_at", "trace_id", "causation_id"})
_encoder = msgpack.Encoder()
HEX_DIGITS = 16


@cache
def _reader(kind: type[Struct]) -> attrgetter[tuple[object, ...]]:
    return attrgetter(*(name.name for name in structs.fields(kind) if name.name not in _MEASURED))


def digest(record: Struct) -> str:
    """Sixteen hex digits: equal for records of one type that say the same."""
    return blake2b(_encoder.encode(_reader(type(record))(record)), digest_size=HEX_DIGITS // 2).hexdigest()
