"""What a command led to, told from the records that its handlers write."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from tightloop.client.command_effects import Effect, _Judge
from tightloop.client.reader import Received
from tightloop.records.types import (
    AccountRef,
    ControlCommand,
    DeadLetter,
    ErrorInfo,
    Halt,
    InstructionResult,
    KnownAccount,
    LoopHead,
    PendingCheck,
    SharedHalts,
    Slot,
)
from tightloop.wire import codec

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNT = AccountRef(lane="binance", venue="binance", account="s1")


def command(name: Any, **fields: Any) -> ControlCommand:
    given = {"strategy_id": "s1", **fields}
    return ControlCommand(command_id="c1", command=name, actor="a", reason="r", issued_at=NOW, produced_at=NOW, **given)


def halt(halt_id: str, cause_id: str | None = None) -> Halt:
    return Halt(halt_id=halt_id, code="REC-002", message="differs", severity="HIGH", since=NOW, cause_id=cause_id)


def head(*halts: Halt, **fields: Any) -> LoopHead:
    return LoopHead(strategy_id="s1", halts=halts, command_ids=("c1",), produced_at=NOW, **fields)


def effect(asked: ControlCommand, *records: Struct, partitions: int = 1) -> Effect | None:
    """Of the last record; each lies on a partition of its own, as far as there are so many."""
    judge = _Judge(asked, set(range(partitions)))
    latest = None
    for number, record in enumerate(records):
        place = ("any", number % partitions, number)
        latest = judge.of(Received(*place, NOW, b"s1", codec.encode(record), ()))
    return latest


def state(found: Effect | None) -> str | None:
    return found.state if found else None


def test_a_halt_is_done_when_its_own_halt_stands() -> None:
    assert state(effect(command("halt"), head(halt("h0", "another")))) is None
    assert state(effect(command("halt"), head(halt("h1", "c1")))) == "done"


def test_a_halt_of_all_is_done_when_every_partition_has_it() -> None:
    asked = command("halt", strategy_id=None, scope="all")
    shared = SharedHalts(halts=(halt("h1", "c1"),), produced_at=NOW)
    assert state(effect(asked, shared, partitions=2)) is None
    assert state(effect(asked, shared, shared, partitions=2)) == "done"


def test_a_resume_is_under_way_until_its_verification_ends() -> None:
    asked = command("resume", expected_halt_ids=("h1",))
    check = PendingCheck(purpose="resume", accounts=(ACCOUNT,), halt_ids=("h1",))
    slot = Slot(
        loop_no=3,
        kind="verify",
        purpose="resume",
        account=ACCOUNT,
        dispatched_at=NOW,
        deadline_at=NOW,
        halt_ids=("h1",),
    )
    assert state(effect(asked, head(halt("h1"), checks=(check,)))) == "accepted"
    assert state(effect(asked, head(halt("h1"), slot=slot))) == "accepted"
    assert state(effect(asked, head())) == "done"


def test_a_resume_whose_positions_do_not_match_has_failed() -> None:
    found = effect(command("resume", expected_halt_ids=("h1",)), head(halt("h1"), halt("h2")))
    assert found is not None
    assert found.state == "failed"
    assert "REC-002" in found.message


def message_of(found: Effect | None) -> str:
    assert found is not None
    assert found.state == "done"
    return found.message


def test_a_resume_says_why_nothing_was_verified() -> None:
    asked = command("resume", expected_halt_ids=("h1",))
    adopted = (KnownAccount(account=ACCOUNT, adopted=True, adopted_version=1),)
    assert message_of(effect(asked, head(accounts=adopted))) == "resumed"
    assert "nothing to verify" in message_of(effect(asked, head()))
    unlooked = command("resume", expected_halt_ids=("h1",), accept_unverified=True)
    assert "not verified" in message_of(effect(unlooked, head(accounts=adopted)))


def test_a_cancel_says_where_it_met_its_target() -> None:
    def in_slot(kind: Any, instruction_id: str) -> LoopHead:
        result = InstructionResult(
            instruction_id=instruction_id,
            strategy_id="s1",
            type="cex_trade",
            venue="binance",
            status="reconciled",
            received_at=NOW,
            finished_at=NOW,
            produced_at=NOW,
        )
        slot = Slot(
            loop_no=3,
            kind=kind,
            purpose="instruction",
            account=ACCOUNT,
            dispatched_at=NOW,
            deadline_at=NOW,
            result=result,
        )
        return head(slot=slot)

    asked = command("cancel", target_id="i1")
    assert "taken from the queue" in message_of(effect(asked, head()))
    assert "taken from the queue" in message_of(effect(asked, in_slot("execute", "i0")))
    assert "being cancelled at binance" in message_of(effect(asked, in_slot("execute", "i1")))
    assert "nothing left to cancel" in message_of(effect(asked, in_slot("verify", "i1")))


def test_a_command_on_dead_letters_was_refused_and_the_code_says_why() -> None:
    asked = command("cancel", target_id="i1")

    def letter(original: ControlCommand) -> DeadLetter:
        return DeadLetter(
            topic="control",
            partition=0,
            offset=0,
            key=b"s1",
            value=codec.encode(original),
            error=ErrorInfo(code="EIM-016", message="nothing to cancel", severity="MEDIUM"),
            component="interface-manager",
            halts=False,
            failed_at=NOW,
            produced_at=NOW,
        )

    found = effect(asked, letter(asked))
    assert found is not None
    assert (found.state, found.message) == ("refused", "EIM-016 nothing to cancel")
    other = ControlCommand(
        command_id="c2", strategy_id="s1", command="cancel", actor="a", reason="r", issued_at=NOW, produced_at=NOW
    )
    assert effect(asked, letter(other)) is None
