"""What a gate is, and what came of one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any, TypeVar

from msgspec import Struct

from tightloop.errors import ExecutionError

T = TypeVar("T")


class GateFailed(Exception):
    """What was expected of the system, and what it did."""


class Gate(Struct, frozen=True):
    """``check`` returns what was seen, in a few words, or raises: GateFailed, or whatever the system raised."""

    section: str
    name: str
    check: Callable[[], str]


class GateResult(Struct, frozen=True, kw_only=True):
    """What came of a gate, whether it passed or not. ``detail``: what was seen, or what was wrong."""

    section: str
    gate: str
    passed: bool
    seconds: float
    detail: str


def section(name: str) -> tuple[list[Gate], Callable[[Callable[[], str]], Callable[[], str]]]:
    """The gates of a section, and the decorator that adds a function to them under its name."""
    gates: list[Gate] = []

    def gate(check: Callable[[], str]) -> Callable[[], str]:
        gates.append(Gate(name, check.__name__.replace("_", " "), check))
        return check

    return gates, gate


def tried(gates: Iterable[Gate]) -> Iterator[GateResult]:
    """One after another. Whatever a gate raises makes it fail, and no other."""
    for one in gates:
        began = time.monotonic()
        try:
            passed, detail = True, one.check()
        except Exception as error:  # noqa: BLE001  that the system raises is what a gate is there to find
            passed, detail = (
                False,
                f"{type(error).__name__}: {error}" if not isinstance(error, GateFailed) else str(error),
            )
        seconds = round(time.monotonic() - began, 2)
        yield GateResult(section=one.section, gate=one.name, passed=passed, seconds=seconds, detail=detail)


def expect(what: str, found: T, wanted: T) -> T:
    """Raises GateFailed unless they are equal."""
    if found != wanted:
        raise GateFailed(f"{what}: {found!r}, and not {wanted!r}")
    return found


def hold(what: str, condition: bool) -> None:
    """Raises GateFailed unless it is so."""
    if not condition:
        raise GateFailed(what)


def refused(code: str, act: Callable[[], Any], says: str = "") -> None:
    """Raises GateFailed unless ``act`` raises an ExecutionError of that code, with a remedy, that says so much."""
    try:
        found = act()
    except ExecutionError as error:
        expect(f"the code of {error}", error.code, code)
        hold(f"{code} says what to do", bool(error.remedy))
        hold(f"{code} says {says!r}: {error.message}", says in error.message)
        return
    raise GateFailed(f"{code} was to be raised, and {found!r} came")


def refused_with_result(code: str, found: dict[str, Any], says: str = "") -> None:
    """Raises GateFailed unless the instruction was refused under that code, with a message that says so much."""
    expect("status", found["status"], "refused")
    expect(f"code of {found['error']}", found["error"]["code"], code)
    hold(f"{code} says {says!r}: {found['error']['message']}", says in found["error"]["message"])


def only(what: str, deltas: dict[str, Decimal], wanted: dict[str, str]) -> None:
    """Raises GateFailed unless exactly these positions changed, by these amounts."""
    expect(
        what, {key: amount for key, amount in deltas.items() if amount}, {key: Decimal(v) for key, v in wanted.items()}
    )
