"""Topics to files: Parquet, CSV or JSON lines, one file a topic, and what can't be read in a file beside it.

Rows are ordered by partition and offset, so that the same range gives the same file. Memory is bounded by what one
write takes: ``BATCH_ROWS`` rows, or ``BATCH_BYTES`` of records and one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Literal, Protocol, get_args

from msgspec import Struct

from tightloop.client.connect import topics_there
from tightloop.client.ranges import Bound, Span, SpanReader, spans
from tightloop.client.reader import Received
from tightloop.client.staging import Staging
from tightloop.client.table.columns import Row, TopicTable
from tightloop.client.table.parquet import ParquetFile, load
from tightloop.client.table.text import CsvFile, JsonLinesFile
from tightloop.errors import ExecutionError
from tightloop.records.topics import contract_of
from tightloop.runners.kafka.settings import KafkaSettings

Format = Literal["parquet", "csv", "jsonl"]
FORMATS: tuple[Format, ...] = get_args(Format)
BATCH_ROWS = 10_000
BATCH_BYTES = 8 * 1024 * 1024


class TableFile(Protocol):
    """Takes the rows of a table, some at a time."""

    def write(self, rows: list[Row]) -> None: ...

    def close(self) -> None: ...


class Written(Struct, frozen=True):
    """What a topic's file holds. ``records``: by partition. ``other_keys``: read, and left out as asked."""

    records: dict[int, int]
    unreadable: int
    other_keys: int
    amount_digits: int | None


class ExportedPartition(Struct, frozen=True):
    """Offsets from ``first`` up to, and without, ``past``; ``gone`` ones were asked for and are no longer kept."""

    partition: int
    first: int
    past: int
    gone: int
    records: int


class ExportedTopic(Struct, frozen=True):
    """``next_from``: where an export that goes on from here begins. ``amount_digits``: of Parquet's decimals."""

    topic: str
    file: str
    bytes: int
    records: int
    unreadable: int
    unreadable_file: str | None
    other_keys: int
    gone: int
    amount_digits: int | None
    next_from: str
    partitions: tuple[ExportedPartition, ...]


Told = Callable[[str], None]


def export(
    settings: KafkaSettings,
    topics: Sequence[str],
    folder: Path,
    form: Format,
    *,
    from_: Bound | None = None,
    to: Bound | None = None,
    key: str | None = None,
    overwrite: bool = False,
    told: Told = lambda text: None,
) -> list[ExportedTopic]:
    """Each topic's records of the range, and of ``key`` alone if it is given, as a file of ``folder``.

    The files appear once all of them are complete. Raises ExecutionError BUS-001 to -004, EIF-010, EIF-011.
    """
    if form == "parquet":
        load()
    tables = [TopicTable(topic) for topic in topics]
    names = [name for topic in topics for name in (file_name(topic, form), unreadable_name(topic))]
    with Staging(folder, names, overwrite) as staging:
        found = spans(settings, topics, from_, to)
        exported = []
        with SpanReader(settings) as reader:
            for table in tables:
                own = [span for span in found if span.topic == table.topic]
                received = (one for span in own for one in reader.read(span))
                written = write_table(table, received, form, staging.path, key=key, told=told)
                exported.append(_summary(table.topic, form, own, written, staging.path))
    return exported


def public_topics(settings: KafkaSettings) -> list[str]:
    """Those that are there. Raises ExecutionError EIF-010 when there is none, EIF-011."""
    found = [topic for topic in sorted(topics_there(settings)) if _is_public(topic)]
    if not found:
        raise ExecutionError(
            "EIF-010",
            f"no topic on {settings.bootstrap} begins with {settings.prefix!r} and has a public contract",
            remedy="Create the topics: tightloop topics create. Or correct the prefix.",
        )
    return found


def _is_public(topic: str) -> bool:
    try:
        return contract_of(topic).visibility == "public"
    except KeyError:
        return False


def write_table(
    table: TopicTable,
    received: Iterable[Received],
    form: Format,
    path: Callable[[str], Path],
    *,
    key: str | None = None,
    told: Told = lambda text: None,
) -> Written:
    """The records as a table's file; those that can't be read as lines of a file of their own, byte for byte."""
    file = _begin(table, form, path(file_name(table.topic, form)))
    apart: JsonLinesFile | None = None
    records: Counter[int] = Counter()
    unreadable = other_keys = held_bytes = 0
    rows: list[Row] = []
    try:
        for one in received:
            if key is not None and (one.key or b"").decode(errors="replace") != key:
                other_keys += 1
                continue
            try:
                rows.append(table.row(one))
            except ExecutionError as error:
                apart = apart or JsonLinesFile(path(unreadable_name(table.topic)))
                apart.write([_unreadable(one, error)])
                unreadable += 1
                continue
            records[one.partition] += 1
            held_bytes += len(one.value or b"")
            if len(rows) >= BATCH_ROWS or held_bytes >= BATCH_BYTES:
                file.write(rows)
                rows, held_bytes = [], 0
                told(f"{table.topic}: {records.total():,} records")
        file.write(rows)
    finally:
        file.close()
        if apart is not None:
            apart.close()
    digits = file.digits if isinstance(file, ParquetFile) else None
    return Written(dict(records), unreadable, other_keys, digits)


def _begin(table: TopicTable, form: Format, path: Path) -> TableFile:
    match form:
        case "parquet":
            return ParquetFile(path, table.columns)
        case "csv":
            return CsvFile(path, table.columns)
        case "jsonl":
            return JsonLinesFile(path)


def _unreadable(received: Received, error: ExecutionError) -> Row:
    """Everything that Kafka says of the record, and why it could not be read; bytes become base64."""
    return {
        "kafka_topic": received.topic,
        "kafka_partition": received.partition,
        "kafka_offset": received.offset,
        "kafka_timestamp": received.time,
        "key": received.key,
        "value": received.value,
        "headers": [{"name": name, "value": value} for name, value in received.headers],
        "error": {"code": error.code, "message": error.message},
    }


def file_name(topic: str, form: Format) -> str:
    return f"{topic}.{form}"


def unreadable_name(topic: str) -> str:
    return f"{topic}.unreadable.jsonl"


def _summary(
    topic: str, form: Format, own: Collection[Span], written: Written, path: Callable[[str], Path]
) -> ExportedTopic:
    partitions = tuple(
        ExportedPartition(one.partition, one.first, one.past, one.gone, written.records.get(one.partition, 0))
        for one in own
    )
    return ExportedTopic(
        topic=topic,
        file=file_name(topic, form),
        bytes=path(file_name(topic, form)).stat().st_size,
        records=sum(written.records.values()),
        unreadable=written.unreadable,
        unreadable_file=unreadable_name(topic) if written.unreadable else None,
        other_keys=written.other_keys,
        gone=sum(one.gone for one in own),
        amount_digits=written.amount_digits,
        next_from=",".join(f"{one.partition}:{one.past}" for one in own),
        partitions=partitions,
    )
