"""A gate that can't fail is none: what each of these checks is broken, and the gate must notice."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.cli.commands.running import run

from tightloop.cli.gates import integration
from tightloop.cli.gates.gate import Gate, GateResult, tried
from tightloop.cli.gates.listed import IN_PROCESS
from tightloop.handlers.positions import reported
from tightloop.interfaces import interface, manager, positions, reconciliation
from tightloop.interfaces.amounts import added
from tightloop.records.types import Instruction
from tightloop.venues import credentials, registry
from tightloop.venues.sim import fees

Break = Callable[[pytest.MonkeyPatch], None]


def gate(name: str) -> Gate:
    (found,) = [one for one in IN_PROCESS if one.name == name]
    return found


def _without_atomic(instruction: Instruction) -> Instruction:
    action = instruction.smart_contract_action
    return instruction if action is None else replace(instruction, smart_contract_action=replace(action, atomic=False))


def chains_are_not_atomic(patch: pytest.MonkeyPatch) -> None:
    made = manager.instruction_from
    patch.setattr(manager, "instruction_from", lambda *given, **named: _without_atomic(made(*given, **named)))


def limits_are_not_kept(patch: pytest.MonkeyPatch) -> None:
    made = manager.configured
    patch.setattr(manager, "configured", lambda config: made({k: v for k, v in config.items() if k != "limits"}))


def any_type_is_a_trade(patch: pytest.MonkeyPatch) -> None:
    made = manager.instruction_from
    patch.setattr(manager, "instruction_from", lambda block, **named: made({**block, "type": "cex_trade"}, **named))


def everything_goes_to_binance(patch: pytest.MonkeyPatch) -> None:
    made = manager.instruction_from

    def changed(block: Mapping[str, Any], **named: Any) -> Instruction:
        instruction = made(block, **named)
        return replace(instruction, venue="binance") if instruction.type == "cex_trade" else instruction

    patch.setattr(manager, "instruction_from", changed)


def fees_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fees, "fee_of", lambda amount, rate: Decimal(0))


def placeholders_pass(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(credentials, "_PLACEHOLDER", re.compile("(?!)"))


def live_asks_for_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(interface, "from_environment", lambda venue, environment, **named: None)


def fills_are_not_seen(patch: pytest.MonkeyPatch) -> None:
    whole = manager.as_data
    patch.setattr(manager, "as_data", lambda executed: {**whole(executed), "execution_deltas": {}})


def a_name_is_taken_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(registry.Registry, "register", lambda self, plugin: None)


def only_what_is_expected_is_compared(patch: pytest.MonkeyPatch) -> None:
    whole = reconciliation.compare
    patch.setattr(
        reconciliation,
        "compare",
        lambda expected, actual, tolerance: [
            one for one in whole(expected, actual, tolerance) if one.position_key in expected
        ],
    )


def deltas_are_applied_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reconciliation, "added", lambda held, deltas: added(added(held, deltas), deltas))


def what_failed_is_called_verified(patch: pytest.MonkeyPatch) -> None:
    whole = positions.ReconciliationComponent.reconcile_position
    patch.setattr(
        positions.ReconciliationComponent,
        "reconcile_position",
        lambda self, at, deltas: {**whole(self, at, deltas), "verified": True},
    )


def reports_count_as_often_as_they_come(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reported, "is_duplicate", lambda loop, report, digest: False)


def a_loop_costs_too_much(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(integration, "DEAREST", 0.001)


BREAKS: list[tuple[str, Break]] = [
    ("an atomic chain does nothing where a step cannot work", chains_are_not_atomic),
    ("a limit refuses before anything is sent", limits_are_not_kept),
    ("an unknown type is refused by name", any_type_is_a_trade),
    ("every venue gets its own", everything_goes_to_binance),
    ("a fee is part of the deltas", fees_are_forgotten),
    ("credentials that are missing or placeholders are refused", placeholders_pass),
    ("live is never built without credentials and a journal", live_asks_for_nothing),
    ("live has the same calls and results as backtest", fills_are_not_seen),
    ("a venue is registered once", a_name_is_taken_twice),
    ("a position that nobody expected fails in both directions", only_what_is_expected_is_compared),
    ("deltas are applied exactly once", deltas_are_applied_twice),
    ("a failed reconciliation is raised with its cause", what_failed_is_called_verified),
    ("versions have no gap and a repeated report is applied once", reports_count_as_often_as_they_come),
    ("a loop costs a bounded number of plain ones", a_loop_costs_too_much),
]


@pytest.mark.parametrize(("name", "breaks"), BREAKS, ids=[breaks.__name__ for _, breaks in BREAKS])
def test_the_gate_fails_when_what_it_checks_is_broken(
    name: str, breaks: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks(monkeypatch)
    (found,) = tried([gate(name)])
    assert not found.passed
    assert found.detail


def test_each_section_has_a_gate_that_was_seen_to_fail() -> None:
    assert {gate(name).section for name, _ in BREAKS} == {one.section for one in IN_PROCESS}


def test_the_command_says_which_one_failed_and_ends_with_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    deltas_are_applied_twice(monkeypatch)
    done = run("gates", "--section", "reconciliation", "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    failed = [one["gate"] for one in found["gates"] if not one["passed"]]
    assert "deltas are applied exactly once" in failed
    assert found["failed"] == len(failed)


def test_the_command_passes_where_all_is_whole() -> None:
    done = run("gates", "--section", "reconciliation")
    assert done.exit_code == 0
    assert "FAILED" not in done.stdout
    assert done.stdout.count("passed") == sum(1 for one in IN_PROCESS if one.section == "reconciliation")


def test_what_a_gate_raises_is_a_failure_and_stops_no_other() -> None:
    def broken() -> str:
        raise KeyError("a defect")

    found = list(tried([Gate("a", "broken", broken), Gate("a", "whole", lambda: "seen")]))
    assert found == [
        GateResult(section="a", gate="broken", passed=False, seconds=0.0, detail="KeyError: 'a defect'"),
        GateResult(section="a", gate="whole", passed=True, seconds=0.0, detail="seen"),
    ]
