"""Injected misbehaviour: rules, and whether one strikes a request.

A rule strikes by a hash of (seed, rule, account, operation, the request's own id, how often that id has come), so that
the same requests meet the same faults whatever else happens between them, and a run repeats from its seed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Literal

from msgspec import Struct

from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.commands import Effect

Kind = Literal[
    "reject",  # refused with `code`; `as_order`: accepted, then rejected
    "partial",  # filled in parts, see Effect
    "revert",  # a transaction is mined and fails
    "pending",  # a transaction waits in the mempool for the next block, though it could be mined at once
    "drop_pending",  # a transaction is taken, and the mempool loses it
    "slip",  # `slippage_bps` worse than the market
    "lost_before",  # the connection drops, nothing was done
    "lost_after",  # the venue acts, the connection drops
    "timeout_before",  # it is told that the venue itself had no answer in time; nothing was done
    "timeout_after",  # the venue acts, and tells the same
    "late_before",  # `delay_s` before the venue acts
    "late_after",  # `delay_s` before the answer
    "duplicate_request",  # processed twice, as a duplicating proxy would; the answer is the first's
    "duplicate_answer",  # the answer is sent twice
    "withdrawal_fails",  # a withdrawal is taken, can't be sent, and the money comes back
    "never_arrives",  # what was sent is credited nowhere
    "arrives_late",  # `delay_s` later than usual
    "rate_limit",  # 429, nothing was done
    "maintenance",  # refused as the exchange does then; nothing was done
    "ban",  # refused for `duration_s`, whatever is asked and by whom; nothing was done
    "down",  # 503, or the connection closed with `close`; nothing was done
]
Operation = Literal["order", "cancel", "change", "transaction", "transfer", "find", "ledger", "positions", "simulate"]
ACTING = ("order", "cancel", "change", "transaction", "transfer")


EVERYTHING = ("down", "maintenance", "ban")  # without `operations` they meet questions too


class FaultRule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule. Everything unset matches everything; ``operations`` empty: those that act (for ``down``,
    ``maintenance`` and ``ban``: all).

    ``probability`` in 0..1 of the matching requests, after the first ``skip`` of them, at most ``count`` times, for
    ``duration_s`` from now.
    """

    kind: Kind
    lane: str | None = None
    account: str | None = None
    operations: tuple[Operation, ...] = ()
    probability: float = 1.0
    skip: int = 0
    count: int | None = None
    duration_s: float | None = None
    seed: int = 0
    delay_s: float = 0.0
    close: bool = False
    code: str = "order_rejected"
    message: str = ""
    as_order: bool = False
    fill: Decimal = Decimal("0.5")
    parts: int = 1
    every_s: float = 1.0
    rest: Literal["later", "work", "cancel"] = "later"
    slippage_bps: Decimal = Decimal(0)


class FaultState(Struct):
    """A rule at work. Rules are kept in memory: a restart of the server clears them."""

    rule_id: int
    rule: FaultRule
    since: datetime
    matched: int = 0
    struck: int = 0


class Strike(Struct, frozen=True):
    """What happens to one request. ``name`` is what the request log says."""

    name: str
    effect: Effect | None = None
    drop: Literal["lost_before", "timeout_before", "down", "rate_limit", "maintenance", "ban"] | None = None
    retry_after_s: float | None = None
    close: bool = False
    lost_after: bool = False
    timed_out: bool = False  # which is told instead of what was lost
    delay_before_s: float = 0.0
    delay_after_s: float = 0.0
    act_twice: bool = False
    answer_twice: bool = False


_TIMED_OUT = ("timed_out", "whether it was carried out is not known (an injected fault)")
_DROPPED = {
    "lost_before": ("unavailable", "the request was lost (an injected fault)"),
    "timeout_before": _TIMED_OUT,
    "down": ("unavailable", "down (an injected fault)"),
    "rate_limit": ("rate_limited", "too many requests (an injected fault)"),
    "maintenance": ("maintenance", "under maintenance (an injected fault)"),
    "ban": ("banned", "too many requests: banned (an injected fault)"),
}


def refusal_of(strike: Strike) -> VenueError | None:
    """How a request is refused that was dropped, or whose answer is lost; None: its connection is closed instead."""
    if strike.close or (strike.drop is None and not strike.timed_out):
        return None
    code, message = _DROPPED[strike.drop] if strike.drop is not None else _TIMED_OUT
    return VenueError(code, message, retry_after_s=strike.retry_after_s)


class Faults:
    """All rules. The first rule that strikes a request is the one that does."""

    def __init__(self) -> None:
        self.active: list[FaultState] = []
        self._next_id = 1
        self._seen: dict[tuple[int, str], int] = {}

    def add(self, rule: FaultRule, now: datetime) -> FaultState:
        state = FaultState(self._next_id, rule, now)
        self._next_id += 1
        self.active.append(state)
        return state

    def clear(self, rule_id: int | None = None) -> int:
        """Remove one rule, or all; how many went."""
        before = len(self.active)
        self.active = [state for state in self.active if rule_id is not None and state.rule_id != rule_id]
        self._seen.clear()
        return before - len(self.active)

    def strike(self, lane: str, account: str, operation: Operation, request: str, now: datetime) -> Strike | None:
        """The fault that this request meets, if any. ``request`` is its own id: client order id, hash, cursor."""
        for state in self.active:
            if self._matches(state, lane, account, operation, now) and self._hits(state, account, operation, request):
                state.struck += 1
                return _strike(state.rule, _left(state, now))
        return None

    def banned(self, lane: str, now: datetime) -> VenueError | None:
        """How everything there is refused, public questions too, while a ban is at work."""
        for state in self.active:
            if state.rule.kind == "ban" and self._matches(state, lane, state.rule.account or "", "order", now):
                state.struck += 1
                return refusal_of(_strike(state.rule, _left(state, now)))
        return None

    @staticmethod
    def _matches(state: FaultState, lane: str, account: str, operation: Operation, now: datetime) -> bool:
        rule = state.rule
        operations = rule.operations or (() if rule.kind in EVERYTHING else ACTING)
        return (
            (rule.lane is None or rule.lane == lane)
            and (rule.account is None or rule.account == account)
            and (not operations or operation in operations)
            and (rule.count is None or state.struck < rule.count)
            and (rule.duration_s is None or now < state.since + timedelta(seconds=rule.duration_s))
        )

    def _hits(self, state: FaultState, account: str, operation: str, request: str) -> bool:
        state.matched += 1
        if state.matched <= state.rule.skip:
            return False
        if state.rule.probability >= 1:
            return True
        name = f"{state.rule.seed}|{state.rule_id}|{account}|{operation}|{request}"
        times = self._seen.get((state.rule_id, name), 0)
        self._seen[(state.rule_id, name)] = times + 1
        drawn = int.from_bytes(blake2b(f"{name}|{times}".encode(), digest_size=6).digest(), "big")
        return drawn < state.rule.probability * 2**48


def _left(state: FaultState, now: datetime) -> float | None:
    """Seconds until the rule ends; None: that is not known."""
    if state.rule.duration_s is None:
        return None
    return max(0.0, (state.since - now).total_seconds() + state.rule.duration_s)


def _strike(rule: FaultRule, left_s: float | None) -> Strike:
    kind = rule.kind
    if kind == "reject":
        return Strike(kind, effect=Effect(reject=rule.code, message=rule.message, as_order=rule.as_order))
    if kind == "partial":
        return Strike(kind, effect=Effect(fill=rule.fill, parts=rule.parts, every_s=rule.every_s, rest=rule.rest))
    if kind == "revert":
        return Strike(kind, effect=Effect(revert=True, message=rule.message))
    if kind == "pending":
        return Strike(kind, effect=Effect(pending=True))
    if kind == "drop_pending":
        return Strike(kind, effect=Effect(forgotten=True))
    if kind == "slip":
        return Strike(kind, effect=Effect(slippage_bps=rule.slippage_bps))
    if kind == "withdrawal_fails":
        return Strike(kind, effect=Effect(fails=True))
    if kind == "never_arrives":
        return Strike(kind, effect=Effect(never_arrives=True))
    if kind == "arrives_late":
        return Strike(kind, effect=Effect(arrives_late_s=rule.delay_s))
    if kind == "ban":
        return Strike(kind, drop=kind, retry_after_s=left_s)
    if kind in ("lost_before", "timeout_before", "down", "rate_limit", "maintenance"):
        return Strike(kind, drop=kind, close=rule.close or kind == "lost_before")
    return Strike(
        kind,
        lost_after=kind in ("lost_after", "timeout_after"),
        timed_out=kind == "timeout_after",
        delay_before_s=rule.delay_s if kind == "late_before" else 0.0,
        delay_after_s=rule.delay_s if kind == "late_after" else 0.0,
        act_twice=kind == "duplicate_request",
        answer_twice=kind == "duplicate_answer",
    )
