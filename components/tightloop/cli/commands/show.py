"""``show``: the whole life of one instruction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tightloop.cli import exits
from tightloop.cli.options import AsJson, Installation
from tightloop.cli.output import emit, note, shown, table
from tightloop.cli.registration import add

if TYPE_CHECKING:
    from tightloop.cli.trace import Hop


def show(
    installation: Installation,
    instruction_id: Annotated[str, typer.Argument(metavar="ID", help="The instruction's id.")],
    key: Annotated[
        str | None, typer.Option("--key", help="Its strategy: an id is unique within one only, and this is faster.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The whole life of one instruction, hop by hop, with times. Exit code 1 when there is no trace of it."""
    from tightloop.cli.trace import trace

    hops = trace(installation.kafka(), tuple(installation.configuration().lanes), instruction_id, key)
    group = _group(installation, hops)
    if as_json:
        emit({"instruction_id": instruction_id, "hops": hops, "status": _status(hops), "group": group})
    else:
        first = hops[0].time if hops else datetime.now(UTC)
        rows = [
            (shown(hop.time), f"+{(hop.time - first).total_seconds() * 1000:.1f}", hop.topic, hop.what, hop.detail)
            for hop in hops
        ]
        if rows:
            table(["time (UTC)", "ms", "topic", "what", "detail"], rows, title=f"instruction {instruction_id}")
        note(f"status: {_status(hops)}")
        if group is not None:
            note(f"group {group['group_id']}: {group['what']}")
    if not hops:
        raise typer.Exit(exits.BAD_NEWS)


def _group(installation: Installation, hops: list[Hop]) -> dict[str, Any] | None:
    """Where the group stands that the instruction is a leg of, while it waits or is under way."""
    leg = next((hop.record for hop in hops if hop.topic == "instructions"), None)
    if leg is None or leg["group_id"] is None:
        return None
    from tightloop.client.group_states import as_document, words
    from tightloop.client.key_states import LoopStateReader

    directory = installation.configuration().directory()
    state = LoopStateReader(installation.kafka(), directory).read(leg["strategy_id"]).keys.get(leg["strategy_id"])
    for group in state.groups if state is not None else ():
        if state is not None and group.group_id == leg["group_id"]:
            return {**as_document(group, state.head), "what": words(group, state.head)}
    return None


def _status(hops: list[Hop]) -> str:
    if not hops:
        return "unknown: no record of it on any topic"
    results = [hop for hop in hops if hop.topic == "instruction_results"]
    if results:
        return str(results[-1].record["status"])
    return "in flight" if any(hop.topic.startswith("instructions.") for hop in hops) else "waiting"


def add_to(app: typer.Typer) -> None:
    add(app, show, "tightloop show demo-1-7 --key demo-1")
