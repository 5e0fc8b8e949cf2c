"""What a consumed message says of itself, without the Nones that the client's types allow and never are."""

from __future__ import annotations

from datetime import UTC, datetime

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message

Headers = tuple[tuple[str, bytes], ...]


def place(message: Message) -> tuple[str, int, int]:
    """Topic, partition, offset. Raises ValueError for an event that concerns no partition."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        raise ValueError(f"a consumer event without a place: {message.error()}")
    return topic, partition, offset


def key_of(message: Message) -> bytes:
    key = _bytes(message.key())
    if key is None:
        raise ValueError(f"{place(message)} has no key")
    return key


def appended_at(message: Message) -> datetime | None:
    """When the broker took it in; where the topic keeps its writer's time instead, that."""
    kind, milliseconds = message.timestamp()
    if kind == TIMESTAMP_NOT_AVAILABLE:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def headers_of(message: Message) -> Headers:
    found = message.headers() or ()
    pairs = found.items() if isinstance(found, dict) else found
    return tuple((name, raw) for name, value in pairs if (raw := _bytes(value)) is not None)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
