"""The journal before the call: each request to a venue was journalled, and committed, before it was sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from tightloop.checker.collected import JOURNALS, Collected, Record, Seen
from tightloop.checker.verdict import Terms, Violation

Intent = tuple[str, str, int, int]  # lane, strategy, loop_no, attempt
LATER_MS = 1  # both clocks count in milliseconds, and round


def journalled_before(data: Collected, terms: Terms) -> Iterator[Violation]:
    """Every request that reached a venue has its journal record: of the same order, or of the very transaction by its
    hash, written before the request came, and signed within the send window of the time that the record says.

    By the broker's append time and the venue's request log. A journal that has been compacted tells no more of it.
    """
    written: defaultdict[Intent, list[Seen]] = defaultdict(list)
    for seen in data.journal:
        value = seen.value
        written[value["lane"], value["strategy_id"], value["loop_no"], value["attempt"]].append(seen)
    whole = _whole_lanes(data)
    for request in data.venues.requests:
        if request["lane"] not in whole:
            continue
        intent = request["lane"], request["strategy_id"], request["loop_no"], request["attempt"]
        place = f"{request['lane']} request {request['number']} ({request['operation']} of loop {intent[2]})"
        signed = datetime.fromisoformat(request["signed_at"])
        _, arrived = terms.broker_ms(request["arrived_at"])
        records = [one for one in written[intent] if _names(one.value, request)]
        before = [one for one in records if one.at_ms <= arrived + LATER_MS]
        if not records and not terms.complete:
            continue
        if not before:
            what = f"{place} came and its intent was not journalled" + (" yet" if records else "")
            yield Violation("not-journalled", intent[1], what)
        elif not any(_covers(one.value, request, signed, terms) for one in before):
            what = f"{place} was signed at {signed}, within no journalled record's send window"
            yield Violation("journalled-otherwise", intent[1], what)


def _names(entry: Record, request: Record) -> bool:
    """A transaction is journalled by its hash; an order has none."""
    if entry["client_order_id"] != request["client_order_id"]:
        return False
    if request["tx_hash"] is None:
        return True
    sent = (one["transaction"] for one in entry["submissions"])
    return any(one is not None and one["tx_hash"] == request["tx_hash"] for one in sent)


def _covers(entry: Record, request: Record, signed: datetime, terms: Terms) -> bool:
    asks = request["operation"] != "cancel" or entry["cancel_requested"]
    opened: datetime = entry["journalled_at"]
    return bool(asks) and opened <= signed <= opened + timedelta(seconds=terms.send_window_s)


def _whole_lanes(data: Collected) -> set[str]:
    """Lanes whose journal still has its first record in every partition."""
    first: dict[tuple[str, int], int] = {}
    for topic, records in data.topics.items():
        if topic.startswith(JOURNALS):
            for seen in records:
                first.setdefault((topic.removeprefix(JOURNALS), seen.partition), seen.offset)
    lanes = {lane for lane, _ in first}
    return lanes - {lane for (lane, _), offset in first.items() if offset > 0}
