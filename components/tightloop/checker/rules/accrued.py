"""What accrued to an account between the last look at its ledger and the one at its positions."""

from __future__ import annotations

from decimal import Decimal

from tightloop.checker.collected import Collected, Record
from tightloop.checker.rules.exact import add
from tightloop.checker.rules.names import qualified


def accrued_meanwhile(data: Collected, end: Record) -> bool:
    """Is every difference that this reconciliation result found what the ledger shows between what was told of it by
    that version and what the snapshot contains?
    """
    failed = {check["position_key"]: check["difference"] for check in end["checks"] if not check["passed"]}
    snapshot = next((one.value for one in data.snapshots if one.value["snapshot_id"] == end["snapshot_id"]), None)
    if not failed or snapshot is None or snapshot["venue_sequence"] is None:
        return False
    applied = {
        one.value["report_id"]
        for one in data.updates
        if one.value["strategy_id"] == end["strategy_id"] and one.value["position_version"] <= end["position_version"]
    }
    lane, account = snapshot["lane"], snapshot["account"]
    told = {
        one.value["venue_entry_id"]
        for one in data.reports
        if (one.value["lane"], one.value["account"]) == (lane, account) and one.value["report_id"] in applied
    }
    sums: dict[str, Decimal] = {}
    for books in data.venues.accounts:
        if (books["lane"], books["account"]) != (lane, account):
            continue
        for entry in books["ledger"]:
            shown = entry["sequence"] is not None and entry["sequence"] <= snapshot["venue_sequence"]
            if shown and entry["client_order_id"] is None and entry["entry_id"] not in told:
                for delta in entry["deltas"]:
                    add(sums, qualified(delta["position_key"], account, end["strategy_id"]), delta["amount"])
    return all(sums.get(key, Decimal(0)) == difference for key, difference in failed.items())
