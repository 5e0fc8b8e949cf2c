"""``adopt``: what an account holds becomes what is expected of it."""

from __future__ import annotations

import typer

from tightloop.cli.operator import Key, Operator, Reason, Version
from tightloop.cli.registration import add


def adopt(operator: Operator, key: Key, expected_version: Version, reason: Reason) -> None:
    """Take an account's positions, as they were found, for the expected ones, so that its key may trade."""
    operator.order("adopt", key, reason, expected_position_version=expected_version)


def add_to(app: typer.Typer) -> None:
    add(app, adopt, 'tightloop adopt strategy-1 --expected-version 1 --reason "opening positions checked"')
