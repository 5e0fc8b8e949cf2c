"""Which account an instruction acts on. An account belongs to one strategy: that is what makes it checkable."""

from __future__ import annotations

from tightloop.domain.venues import home_of, lane_of
from tightloop.errors import ExecutionError
from tightloop.handlers.manager.settings import ManagerSettings
from tightloop.records.types import AccountRef, Instruction


def account_of(settings: ManagerSettings, instruction: Instruction) -> AccountRef:
    """Raises ExecutionError EIM-002 (no such lane) or EIM-007 (no such account, or another strategy's)."""
    strategy, lane = instruction.strategy_id, lane_of(instruction.venue)
    if lane not in settings.lanes:
        raise ExecutionError("EIM-002", f"venue {instruction.venue} is on lane {lane}, which has no executor here")
    configured = [one for one in settings.accounts.get(strategy, ()) if one.lane == lane]
    if not configured and settings.simulated:
        configured = [_own(settings, strategy, lane)]
    wanted = [one for one in configured if instruction.account in (None, one.account)]
    if len(wanted) != 1:
        names = ", ".join(one.account for one in configured) or "none"
        raise ExecutionError(
            "EIM-007", f"account {instruction.account!r} names no single account of {strategy} on {lane}: {names}"
        )
    return wanted[0]


def _own(settings: ManagerSettings, strategy: str, lane: str) -> AccountRef:
    """What a strategy without accounts has on a simulated lane: one of its own name, unless that is another's."""
    own = AccountRef(lane=lane, venue=home_of(lane), account=strategy)
    for other, accounts in settings.accounts.items():
        if other != strategy and own in accounts:
            raise ExecutionError(
                "EIM-007",
                f"{strategy} has no account on {lane}: the one of its own name belongs to {other} by configuration",
                remedy=f"Give {strategy} an account of its own on {lane}, in `accounts`.",
            )
    return own
