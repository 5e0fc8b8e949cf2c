"""Until when an instruction may be submitted. Pure: the executor decides by it, and the gate before the socket."""

from __future__ import annotations

from datetime import datetime, timedelta

from tightloop.records.types import RoutedInstruction


def times_out_at(routed: RoutedInstruction) -> datetime | None:
    """``timeout_ms`` after the dispatch: what is not filled by then is cancelled. None: it has no timeout."""
    trade = routed.instruction.cex_trade if routed.instruction else None
    if trade is None or trade.timeout_ms is None:
        return None
    return routed.dispatched_at + timedelta(milliseconds=trade.timeout_ms)


def submit_by(routed: RoutedInstruction) -> datetime:
    """No submission leaves later: ``not_after``, or the timeout where that comes first."""
    timeout = times_out_at(routed)
    return routed.not_after if timeout is None else min(routed.not_after, timeout)
