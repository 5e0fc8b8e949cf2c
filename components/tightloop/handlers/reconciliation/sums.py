"""Reconciliation's own figure of each position, and what it has tolerated there: one entry of the state a position."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from msgspec.structs import replace

from tightloop.domain import money
from tightloop.domain.deltas import by_position
from tightloop.domain.directory import Directory, same_account
from tightloop.handlers.api import Context
from tightloop.records.types import AccountRef, Check, Delta, FoldedPosition, Position

GROUP = "position"


def add(context: Context, deltas: Sequence[Delta], version: int) -> None:
    """Add the deltas of a version up. Where a later version was believed, it held them already."""
    explained = {delta.position_key for delta in deltas if delta.source == "adjustment"}  # what was tolerated there
    for key, amount in by_position(deltas).items():
        position = _position(context, key)
        if position.restated_at <= version:
            kept = money.ZERO if key in explained else position.residual_total
            _write(context, position, amount=position.amount + amount, residual_total=kept)


def restate(context: Context, expected: Iterable[Position], version: int, directory: Directory) -> list[str]:
    """Take over the amounts that differ from the own ones; returns what differed, for a person."""
    differing = []
    for told in expected:
        position = _position(context, directory.place_of(told.position_key, context.key).key)
        if position.amount != told.amount:
            own, other = money.text(position.amount), money.text(told.amount)
            differing.append(f"{told.position_key} is {other} by the update and {own} by its deltas")
            _write(context, position, amount=told.amount, restated_at=version)
    return differing


def expected_of(context: Context, accounts: tuple[AccountRef, ...], directory: Directory) -> dict[str, Decimal]:
    """What these accounts are expected to hold now, by position key: what is not zero, or was tolerated to differ."""
    amounts = {}
    for _, position in context.scan(GROUP, FoldedPosition):
        place = directory.place_of(position.position_key, context.key).account
        kept = position.amount or position.residual or position.residual_total
        if kept and place is not None and (place in accounts or _is_among(place, accounts)):
            amounts[position.position_key] = position.amount
    return amounts


def _is_among(place: AccountRef, accounts: tuple[AccountRef, ...]) -> bool:
    return any(same_account(place, account) for account in accounts)


def settle_residuals(context: Context, checks: tuple[Check, ...], factor: Decimal) -> tuple[Check, ...]:
    """Book the differences that ``checks`` tolerate; a check whose position tolerated too much in all fails (REC-014).

    Too much: the difference has moved, either way, by more than ``factor`` times the position's tolerance since the
    position was last adjusted, or was last closed without a difference.
    """
    return tuple([_settled(context, check, factor) for check in checks])


def _settled(context: Context, check: Check, factor: Decimal) -> Check:
    position = _position(context, check.position_key)
    if not check.difference and not position.residual and not position.residual_total:
        return check
    moved = (check.difference - position.residual).copy_abs()
    closed = not check.expected and not check.difference
    total = money.ZERO if closed else position.residual_total + moved
    if moved or total != position.residual_total:
        _write(context, position, residual=check.difference, residual_total=total)
    if total > factor * check.tolerance:
        return replace(check, passed=False, code="REC-014")
    return check


def _position(context: Context, key: str) -> FoldedPosition:
    known = context.get(f"{GROUP}|{key}", FoldedPosition)
    if known is not None:
        return known
    return FoldedPosition(
        strategy_id=context.key, position_key=key, amount=money.ZERO, restated_at=0, produced_at=context.now
    )


def _write(context: Context, position: FoldedPosition, **changes: Decimal | int) -> None:
    """A position that is zero, tolerates nothing and was never restated is forgotten."""
    position = replace(position, **changes, produced_at=context.now)
    name = f"{GROUP}|{position.position_key}"
    if position.amount or position.residual or position.residual_total or position.restated_at:
        context.put(name, position)
    else:
        context.delete(name)
