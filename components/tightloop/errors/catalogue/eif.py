"""EIF: the interface factory's errors. All of them are raised at construction, before any connection is opened."""

from __future__ import annotations

from tightloop.errors.catalogue.entry import ErrorEntry
from tightloop.records.types import Severity


def _entry(
    code: str, title: str, severity: Severity, cause: str, operator: str, *, reserved: str | None = None
) -> ErrorEntry:
    return ErrorEntry(
        code=code,
        title=title,
        severity=severity,
        component="interface-factory",
        cause=cause,
        system="Refuses to build the interface, before any connection is opened; a component does not start.",
        operator=operator,
        reserved=reserved,
    )


ENTRIES = (
    _entry(
        "EIF-001",
        "interface creation failed",
        "HIGH",
        "A venue of another package (entry point `tightloop.venues`) cannot be loaded: the message names package, "
        "object "
        "and cause.",
        "Correct or remove that package.",
    ),
    _entry(
        "EIF-002",
        "venue validation failed",
        "HIGH",
        "The venue has no interface of the kind that was asked for, or is unknown.",
        "Use the interface of the venue's kind; correct the venue's name.",
    ),
    _entry(
        "EIF-003",
        "credential validation failed",
        "CRITICAL",
        "A lane is not simulated, and credentials of its venue are not set. Reconciliation has read-only ones of its "
        "own.",
        "Set every variable that the message names, for the environment in use.",
    ),
    _entry(
        "EIF-004",
        "unknown environment",
        "HIGH",
        "`environment` is not dev, staging or prod.",
        "Correct `environment` in the configuration.",
    ),
    _entry(
        "EIF-005",
        "unknown execution mode",
        "HIGH",
        "`execution_mode` is not backtest or live.",
        "Correct `execution_mode`.",
    ),
    _entry(
        "EIF-006",
        "placeholder credential",
        "CRITICAL",
        "A credential still has the text of a template, such as `your_...` or `0x...`.",
        "Put the real credential in its place.",
    ),
    _entry(
        "EIF-007",
        "capability missing",
        "HIGH",
        "The configuration needs something that the venue does not offer, such as a live adapter or a simulation.",
        "Remove it from the configuration, or use a venue that offers it.",
    ),
    _entry(
        "EIF-008",
        "environment and endpoint disagree",
        "CRITICAL",
        "The credentials are another environment's or venue's; a lane's `endpoint` or the wallet's provider is where "
        "real money moves and the environment is not prod, or the other way round; or the credentials, or the venue "
        "that was reached, are of another chain than the lane's `chain_id` says.",
        "Use the endpoint and the credentials of the same environment; dev never reaches a production endpoint. Or "
        "correct the lane's `chain_id`.",
    ),
    _entry(
        "EIF-009",
        "interface registered twice",
        "HIGH",
        "A venue was registered under a name, or with an alias, that is taken.",
        "Register it under another name, or once.",
    ),
    _entry(
        "EIF-010",
        "invalid venue configuration",
        "HIGH",
        "A setting of a venue or lane is missing, unknown, or impossible; an account is given to two strategies; a "
        "live exchange's lane has several accounts; the exchange's account is in hedge mode; a "
        "venue of another package has a specification that cannot be one.",
        "Correct the setting that the message names.",
    ),
    _entry(
        "EIF-011",
        "client or connectivity check failed",
        "HIGH",
        "The venue's client library is not installed, or the venue does not answer.",
        "Install the extra that the message names; check address and network (`tightloop doctor`).",
    ),
    _entry(
        "EIF-012",
        "account lacks a permission",
        "HIGH",
        "The credentials may not do what the configuration needs, such as trading or reading, or may do what nothing "
        "here needs: withdraw where the lane has no `withdraws_to`; or trade, withdraw or move money where they are to "
        "read only.",
        "Grant or take away the permission at the venue, or use other credentials.",
    ),
    _entry(
        "EIF-013",
        "live trading not enabled",
        "CRITICAL",
        "Live trading on prod was requested without the explicit switch, or live trading in process without a journal.",
        "Give the switch (`live_trading = true`) only when real money is meant to move; in process, give `journal=`.",
    ),
)
