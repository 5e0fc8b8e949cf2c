"""``tail``: records as they arrive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tightloop.cli.moments import FORMS, moment
from tightloop.cli.options import AsJson, Installation
from tightloop.cli.output import emit, note, shown
from tightloop.cli.registration import add

if TYPE_CHECKING:
    from tightloop.client.reader import Received, Start


def tail(
    installation: Installation,
    topics: Annotated[list[str], typer.Argument(metavar="TOPIC...", help="Names as in the contracts, such as fills.")],
    start: Annotated[str, typer.Option("--from", help=f"beginning, end, {FORMS}.")] = "end",
    key: Annotated[str | None, typer.Option("--key", help="Only this strategy's records.")] = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Go on at the end, or stop there.")] = True,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Stop after so many records.")] = None,
    as_json: AsJson = False,
) -> None:
    """Records as they arrive, committed ones alone. With --json one document a line. Ctrl-C ends it."""
    from tightloop.client.consumer import ResultConsumer

    settings = installation.kafka()
    count = 0
    with (
        ResultConsumer(
            topics,
            settings.bootstrap,
            from_=_start(start),
            follow=follow,
            prefix=settings.prefix,
            client=settings.client,
        ) as consumer,
        _until_interrupted(),
    ):
        for received in consumer.received():
            if key is not None and (received.key or b"").decode(errors="replace").partition("|")[0] != key:
                continue
            _print(received, as_json)
            count += 1
            if count == limit:
                return


@contextmanager
def _until_interrupted() -> Iterator[None]:
    """Ctrl-C is how a person ends a stream: no error."""
    try:
        yield
    except KeyboardInterrupt:
        note("")


def _start(text: str) -> Start:
    if text == "beginning":
        return "beginning"
    if text == "end":
        return "end"
    at = moment(text)
    if at is None:
        raise typer.BadParameter(f"{text!r} is not a time: give beginning, end, {FORMS}", param_hint="--from")
    return at


def _print(received: Received, as_json: bool) -> None:
    value, error = _value(received)
    if as_json:
        place = {"topic": received.topic, "partition": received.partition, "offset": received.offset}
        key = None if received.key is None else received.key.decode(errors="replace")
        emit({**place, "time": received.time, "key": key, "type": type(value).__name__, "value": value, "error": error})
        return
    where = f"{received.topic}/{received.partition}@{received.offset}"
    words = error or _words(value)
    typer.echo(f"{shown(received.time)[11:]}  {where}  {(received.key or b'-').decode(errors='replace')}  {words}")


def _value(received: Received) -> tuple[Any, str | None]:
    from tightloop.errors import ExecutionError

    if received.value is None:
        return None, None
    try:
        return received.record(), None
    except ExecutionError as error:
        return received.value, f"{error.code} {error.message}"


_TELLING = (
    *("instruction_id", "command", "command_id", "type", "kind", "loop_no", "report_no", "position_version", "venue"),
    *("status", "outcome", "symbol", "side", "amount", "cost", "filled_amount", "error"),
)


def _words(record: Any) -> str:
    """The most important fields, as `name=value`; a nested error by its code."""
    if record is None:
        return "deleted"
    found = []
    for name in _TELLING:
        value = getattr(record, name, None)
        if value is not None and value != "":
            found.append(f"{name}={getattr(value, 'code', None) or shown(value)}")
    return f"{type(record).__name__} {' '.join(found)}"


def add_to(app: typer.Typer) -> None:
    add(app, tail, "tightloop tail fills instruction_results --from 10m", "tightloop tail dead_letters --json")
