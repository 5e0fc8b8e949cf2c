"""``topics``: plan, create and check the topics against their contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tightloop.cli import exits
from tightloop.cli.options import AsJson, Installation
from tightloop.cli.output import emit, note, table
from tightloop.cli.registration import add, subcommands

if TYPE_CHECKING:
    from tightloop.records.topics import TopicContract
    from tightloop.runners.kafka.topic_admin import Difference, TopicAdmin

topics = subcommands("The topics and their contracts.")


def plan(installation: Installation, as_json: AsJson = False) -> None:
    """What is missing or differs from the contracts. Changes nothing."""
    differences, _, _ = _compare(installation)
    _show(differences, as_json)


def check(installation: Installation, as_json: AsJson = False) -> None:
    """Like plan, with exit code 1 when anything is missing or differs."""
    differences, _, _ = _compare(installation)
    _show(differences, as_json)
    if differences:
        raise typer.Exit(exits.BAD_NEWS)


def create(
    installation: Installation,
    partitions: Annotated[
        int | None,
        typer.Option(
            "--partitions", min=1, help="Of every topic whose keys must lie together (default: the contracts' number)."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create what is missing. What exists is left as it is; differences that remain are shown, with exit code 1."""
    from tightloop.client.connect import reaching

    differences, admin, contracts = _compare(installation)
    if not as_json:
        _show([one for one in differences if one.found is None], False)
    with reaching(installation.kafka().bootstrap):
        created = admin.create(contracts, partitions)
    left = [one for one in differences if one.found is not None]
    if as_json:
        emit({"created": created, "differences": left})
    else:
        note(f"created {len(created)} topics" + (f"; {len(left)} settings of others differ" if left else ""))
        if left:
            _show(left, False)
    if left:
        raise typer.Exit(exits.BAD_NEWS)


def _compare(installation: Installation) -> tuple[list[Difference], TopicAdmin, tuple[TopicContract, ...]]:
    from tightloop.client.connect import reaching
    from tightloop.records.topics import all_topics
    from tightloop.runners.kafka.topic_admin import TopicAdmin

    settings = installation.kafka()
    contracts = all_topics(installation.configuration().lanes)
    with reaching(settings.bootstrap):
        admin = TopicAdmin(settings)
        return admin.plan(contracts), admin, contracts


def _show(differences: list[Difference], as_json: bool) -> None:
    if as_json:
        emit({"differences": differences})
    elif not differences:
        note("every topic is as its contract says")
    else:
        rows = [(one.topic, one.setting, one.wanted, one.found or "missing") for one in differences]
        table(["topic", "setting", "contract", "found"], rows)


def add_to(app: typer.Typer) -> None:
    add(topics, plan, "tightloop topics plan --bootstrap localhost:9092")
    add(topics, check, "tightloop topics check --json")
    add(topics, create, "tightloop topics create --partitions 16")
    app.add_typer(topics, name="topics")
