"""``tail``: records as they arrive. ``show``: the whole life of one instruction."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tightloop.cli import exits
from tightloop.cli.options import AsJson, Bootstrap, ConfigFile, Prefix
from tightloop.cli.output import emit, note, shown, table

if TYPE_CHECKING:
    from tightloop.cli.life import Hop
    from tightloop.client.reader import Received, Start

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def tail(
    topics: Annotated[list[str], typer.Argument(metavar="TOPIC...", help="Names as in the contracts, such as fills.")],
    start: Annotated[
        str, typer.Option("--from", help="beginning, end, a time (ISO), or how long ago: 30s, 10m, 2h, 7d.")
    ] = "end",
    key: Annotated[str | None, typer.Option("--key", help="Only this strategy's records.")] = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Go on at the end, or stop there.")] = True,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Stop after so many records.")] = None,
    config: ConfigFile = None,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """Records as they arrive, committed ones alone. With --json one document a line. Ctrl-C ends it."""
    from tightloop.cli.options import bus
    from tightloop.client.consumer import ResultConsumer

    settings = bus(config, bootstrap, prefix)
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
        until_interrupted(),
    ):
        for received in consumer.received():
            if key is not None and (received.key or b"").decode(errors="replace").partition("|")[0] != key:
                continue
            _print(received, as_json)
            count += 1
            if count == limit:
                return


@contextmanager
def until_interrupted() -> Iterator[None]:
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
    ago = re.fullmatch(r"(\d+)([smhd])", text)
    if ago:
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time", param_hint="--from") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


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
    """The fields that tell most, as `name=value`; a nested error by its code."""
    if record is None:
        return "deleted"
    found = []
    for name in _TELLING:
        value = getattr(record, name, None)
        if value is not None and value != "":
            found.append(f"{name}={getattr(value, 'code', None) or shown(value)}")
    return f"{type(record).__name__} {' '.join(found)}"


def show(
    instruction_id: Annotated[str, typer.Argument(metavar="ID", help="The instruction's id.")],
    key: Annotated[
        str | None, typer.Option("--key", help="Its strategy: an id is unique within one only, and this is faster.")
    ] = None,
    config: ConfigFile = None,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """The whole life of one instruction, hop by hop, with times. Exit code 1 when there is no trace of it."""
    from tightloop.cli.life import trace
    from tightloop.cli.options import bus, configured

    hops = trace(bus(config, bootstrap, prefix), configured(config).lanes, instruction_id, key)
    if as_json:
        emit({"instruction_id": instruction_id, "hops": hops, "status": _status(hops)})
    else:
        first = hops[0].time if hops else datetime.now(UTC)
        rows = [
            (shown(hop.time), f"+{(hop.time - first).total_seconds() * 1000:.1f}", hop.topic, hop.what, hop.detail)
            for hop in hops
        ]
        if rows:
            table(["time (UTC)", "ms", "topic", "what", "detail"], rows, title=f"instruction {instruction_id}")
        note(f"status: {_status(hops)}")
    if not hops:
        raise typer.Exit(exits.BAD_NEWS)


def _status(hops: list[Hop]) -> str:
    if not hops:
        return "unknown: no record of it on any topic"
    results = [hop for hop in hops if hop.topic == "instruction_results"]
    if results:
        return str(results[-1].record["status"])
    return "in flight" if any(hop.topic.startswith("instructions.") for hop in hops) else "waiting"


def add_to(app: typer.Typer) -> None:
    example = (
        "Example:\n\n\b\n  tightloop tail fills instruction_results --from 10m\n  tightloop tail dead_letters --json"
    )
    app.command("tail", epilog=example)(tail)
    app.command("show", epilog="Example:\n\n\b\n  tightloop show demo-1-7 --key demo-1")(show)
