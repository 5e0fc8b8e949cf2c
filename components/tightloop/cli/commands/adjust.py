"""``adjust``: the expected positions are changed by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from tightloop.cli.operator import Deltas, Key, Operator, Reason, Version, parsed_deltas, venue_name
from tightloop.cli.registration import add


def adjust(
    operator: Operator,
    key: Key,
    expected_version: Version,
    reason: Reason,
    deltas: Deltas = None,
    venue: Annotated[str | None, typer.Option("--venue", help="Of the account (default: the first delta's).")] = None,
    account: Annotated[str | None, typer.Option("--account", help="Default: the strategy's own.")] = None,
) -> None:
    """Change the expected positions by hand. Refused when their version is no longer --expected-version."""
    from tightloop.client.lookup import check_known

    changes = parsed_deltas(deltas, "adjustment")
    check_known(operator.settings, key, operator.directory)  # a misspelt key would get positions of its own
    operator.order(
        "adjust",
        key,
        reason,
        venue=venue_name(venue),
        account=account,
        expected_position_version=expected_version,
        deltas=changes,
    )


def add_to(app: typer.Typer) -> None:
    add(
        app,
        adjust,
        "tightloop adjust strategy-1 --expected-version 17 --delta binance:BaseToken:BTC=-0.5 \\",
        '  --reason "withdrawn by hand"',
    )
