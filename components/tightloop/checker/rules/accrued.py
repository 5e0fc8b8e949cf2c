"""What accrued to an account between the last look at its ledger and the one at its positions."""

from __future__ import annotations

from decimal import Decimal

from tightloop.checker.collected import Collected, Record
from tightloop.checker.rules.exact import add
from tightloop.checker.rules.names import qualified
from tightloop.checker.rules.taken_back import undone


def accrued_meanwhile(data: Collected, end: Record) -> bool:
    """Is every difference that this reconciliation result found what the ledger shows between what was told of it by
    that version and what the snapshot contains?
    """
    failed = {check["position_key"]: check["difference"] for check in end["checks"] if not check["passed"]}
    version = end["strategy_id"], end["position_version"]
    snapshots = [
        one.value for one in data.snapshots if (one.value["strategy_id"], one.value["position_version"]) == version
    ]  # of a transfer both ends'
    if not failed or not snapshots or any(one["venue_sequence"] is None for one in snapshots):
        return False
    applied = {
        one.value["report_id"]
        for one in data.updates
        if one.value["strategy_id"] == end["strategy_id"] and one.value["position_version"] <= end["position_version"]
    }
    sums: dict[str, Decimal] = {}
    for snapshot in snapshots:
        _add_untold(sums, data, snapshot, applied, end["strategy_id"])
    return all(sums.get(key, Decimal(0)) == difference for key, difference in failed.items())


def _add_untold(
    sums: dict[str, Decimal], data: Collected, snapshot: Record, applied: set[str], strategy_id: str
) -> None:
    """What the account's ledger shows up to the snapshot, caused by no order and told by no report applied."""
    lane, account = snapshot["lane"], snapshot["account"]
    reports = [one.value for one in data.reports if one.value["report_id"] in applied]
    passed = undone(reports)
    told = {one["venue_entry_id"] for one in reports if one["report_id"] not in passed}
    for books in data.venues.accounts:
        if (books["lane"], books["account"]) != (lane, account):
            continue
        for entry in books["ledger"]:
            shown = entry["sequence"] is not None and entry["sequence"] <= snapshot["venue_sequence"]
            if shown and entry["client_order_id"] is None and entry["entry_id"] not in told:
                for delta in entry["deltas"]:
                    add(sums, qualified(delta["position_key"], account, strategy_id), delta["amount"])
