"""``dead-letters``: records that could not be processed: shown, and put back after a fix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tightloop.cli import exits
from tightloop.cli.options import AsJson, Installation
from tightloop.cli.output import emit, note, table
from tightloop.cli.registration import add, subcommands

if TYPE_CHECKING:
    from tightloop.records.types import DeadLetter
    from tightloop.runners.kafka.settings import KafkaSettings

letters = subcommands("Records that could not be processed.")
KeyOption = Annotated[str | None, typer.Option("--key", help="Only this key's.")]
CodeOption = Annotated[str | None, typer.Option("--code", help="Only with this error code.")]
TopicOption = Annotated[str | None, typer.Option("--topic", help="Only from this topic.")]
Found = list[tuple[str, "DeadLetter"]]


def list_letters(
    installation: Installation,
    key: KeyOption = None,
    code: CodeOption = None,
    topic: TopicOption = None,
    as_json: AsJson = False,
) -> None:
    """All of them, the oldest first. Each has an id, PARTITION@OFFSET, for show and retry."""
    _, found = _read(installation, key, code, topic)
    if as_json:
        emit({"dead_letters": [_summary(name, letter) for name, letter in found]})
    elif not found:
        note("there are none")
    else:
        rows = [
            (name, _key(one), _place(one), one.error.code, one.error.message, one.component, one.failed_at)
            for name, one in found
        ]
        table(["id", "key", "record", "code", "error", "component", "failed at"], rows)


def show_letter(
    installation: Installation,
    name: Annotated[str, typer.Argument(metavar="ID", help="PARTITION@OFFSET, as in the list.")],
    as_json: AsJson = False,
) -> None:
    """Everything about one: the error, what to do, and the original bytes, decoded where that is possible."""
    _, found = _read(installation)
    letter = dict(found).get(name)
    if letter is None:
        note(f"there is no dead letter {name!r}")
        raise typer.Exit(exits.BAD_NEWS)
    document = {**_summary(name, letter), "headers": letter.headers, "value": letter.value, "record": _decoded(letter)}
    if as_json:
        emit(document)
        return
    for title, value in document.items():
        if title not in ("value", "record"):
            typer.echo(f"{title:<10} {value}")
    typer.echo(f"{'to do':<10} {_remedy(letter)}")
    typer.echo(f"{'record':<10} {document['record'] or _hex(letter.value)}")


def retry(
    installation: Installation,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="PARTITION@OFFSET, as in the list.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that the other options leave.")] = False,
    key: KeyOption = None,
    code: CodeOption = None,
    topic: TopicOption = None,
    as_json: AsJson = False,
) -> None:
    """Put the original bytes, key and headers back on the original topic and partition, once the cause is removed.

    The key stays halted until it is resumed. Nothing marks a letter as retried: a second retry puts it back twice,
    which the components take for the repetition it is.
    """
    if everything == bool(names):
        raise typer.BadParameter("give ids, or --all")
    settings, found = _read(installation, key, code, topic)
    chosen = [(name, letter) for name, letter in found if everything or name in (names or ())]
    missing = [name for name in names or () if name not in dict(chosen)]
    able = [(name, letter) for name, letter in chosen if _has_place(letter)]
    _put_back(settings, [letter for _, letter in able])
    unable = [name for name, letter in chosen if not _has_place(letter)]
    if as_json:
        emit({"retried": [_summary(*one) for one in able], "missing": missing, "without_a_record": unable})
    else:
        for name, letter in able:
            typer.echo(f"{name} -> {letter.topic}/{letter.partition}")
        for name in missing:
            note(f"there is no dead letter {name!r}")
        for name in unable:
            note(f"{name} was caused by no record, or does not hold it whole, so that it can't be put back")
        note("resume the key to let it go on" if able else "nothing was put back")
    if missing or unable:
        raise typer.Exit(exits.BAD_NEWS)


def _read(
    installation: Installation, key: str | None = None, code: str | None = None, topic: str | None = None
) -> tuple[KafkaSettings, Found]:
    from tightloop.client.reader import TopicReader
    from tightloop.records.types import DeadLetter
    from tightloop.wire import codec

    settings = installation.kafka()
    found: list[tuple[Any, str, DeadLetter]] = []
    with TopicReader(settings, ["dead_letters"]) as reader:
        for received in reader.to_end():
            letter = codec.decode_as(received.value or b"", DeadLetter)
            wanted = (key is None or _key(letter) == key) and (topic is None or letter.topic == topic)
            if wanted and (code is None or letter.error.code == code.upper()):
                found.append((received.time, f"{received.partition}@{received.offset}", letter))
    found.sort(key=lambda one: one[0])
    return settings, [(name, letter) for _, name, letter in found]


def _key(letter: DeadLetter) -> str:
    return "-" if letter.key is None else letter.key.decode(errors="replace")


def _place(letter: DeadLetter) -> str:
    return f"{letter.topic}/{letter.partition}@{letter.offset}"


def _summary(name: str, letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": name,
        "key": None if letter.key is None else _key(letter),
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "code": letter.error.code,
        "message": letter.error.message,
        "component": letter.component,
        "halts": letter.halts,
        "failed_at": letter.failed_at,
    }


def _has_place(letter: DeadLetter) -> bool:
    """A defect on a wake-up or an answer has no record behind it; of the largest records the letter lacks a part."""
    from tightloop.records.topics import contract_of

    try:
        contract_of(letter.topic)
    except KeyError:
        return False
    return letter.offset >= 0 and not {"key", "value"} & set(letter.left_out)


def _put_back(settings: KafkaSettings, chosen: list[DeadLetter]) -> None:
    from tightloop.client.control import write_raw

    write_raw(
        settings,
        [
            (one.topic, one.partition, one.key, one.value, [(header.name, header.value) for header in one.headers])
            for one in chosen
        ],
    )


def _decoded(letter: DeadLetter) -> Any:
    from tightloop.errors import ExecutionError
    from tightloop.wire import codec

    try:
        return codec.decode(letter.value or b"")
    except ExecutionError:
        return None


def _remedy(letter: DeadLetter) -> str:
    from tightloop.errors import CATALOGUE

    entry = CATALOGUE.get(letter.error.code)
    return entry.operator if entry else "this version does not know the code"


def _hex(value: bytes | None) -> str:
    if value is None:
        return "(no value)"
    return f"{len(value)} bytes: {value[:64].hex(' ')}{' …' if len(value) > 64 else ''}"


def add_to(app: typer.Typer) -> None:
    add(letters, list_letters, "tightloop dead-letters list --code TLC-001", name="list")
    add(letters, show_letter, "tightloop dead-letters show 5@12 --json", name="show")
    add(letters, retry, "tightloop dead-letters retry 5@12", "tightloop dead-letters retry --all --key s1")
    app.add_typer(letters, name="dead-letters")
