"""``config``: the configuration as it results."""

from __future__ import annotations

from typing import Any

import typer

from tightloop.cli.options import AsJson, Installation
from tightloop.cli.output import emit, table
from tightloop.cli.registration import add
from tightloop.client.plain import as_data


def config(installation: Installation, as_json: AsJson = False) -> None:
    """The configuration as it results, with the origin of each value; secrets are masked.

    An origin is a file's line and section, a variable, a flag, or `default`.
    """
    from tightloop.assembly.origins import origin_of
    from tightloop.errors.redaction import redacted_fields

    loaded, origins = installation.load()
    shown = redacted_fields(loaded.model_dump(mode="json"))
    values = [{"name": name, "value": value, "origin": origin_of(name, origins)} for name, value in _flat(shown)]
    if as_json:
        emit({"values": values})
    else:
        table(["name", "value", "origin"], [(one["name"], _word(one["value"]), one["origin"]) for one in values])


def _flat(found: dict[str, Any], at: str = "") -> list[tuple[str, Any]]:
    values: list[tuple[str, Any]] = []
    for name, value in found.items():
        if isinstance(value, dict) and value:
            values += _flat(value, f"{at}{name}.")
        else:
            values.append((f"{at}{name}", as_data(value)))
    return values


def _word(value: Any) -> str:
    if value == "":
        return '""'
    return "-" if value in (None, {}, []) else str(value)


def add_to(app: typer.Typer) -> None:
    add(app, config, "TIGHTLOOP_TIMING__EVIDENCE=90 tightloop config")
