"""Transfers in the manager: addresses outside, and arrivals that are not to be counted twice.

The executor of the source reports an arrival. The executor of the destination finds the same in its account's ledger,
where it looks like any deposit. So the manager keeps the reference of each transfer by its destination (``told`` of the
account), and hands it out with that account's next loop: those deposits are reported already, or will be. As long as
nobody knows the reference (``unlocated``), the destination's ledger is not read.
"""

from __future__ import annotations

from msgspec.structs import replace

from tightloop.domain.transfers import is_address, transfer_of
from tightloop.errors import ExecutionError
from tightloop.handlers.manager.turn import ManagerTurn
from tightloop.records.types import AccountRef, Instruction, ReconciliationResult, Slot

LIMIT = 256  # of one account; of more the oldest are forgotten


def check_address(turn: ManagerTurn, instruction: Instruction, account: AccountRef) -> None:
    """Real money goes to no address outside that nobody has allowed. Raises ExecutionError EIM-013."""
    transfer, directory = transfer_of(instruction), turn.settings.directory
    if transfer is None or directory.is_simulated(account.lane):
        return
    if not is_address(transfer.destination, directory.venues):
        return
    limits = turn.settings.limits
    scopes = limits.scopes_of(instruction, account, directory) if limits else ()
    if all(one.bounds.destinations is None for one in scopes):
        raise ExecutionError(
            "EIM-013",
            f"wallet_transfer.destination: {transfer.destination} is on no allowlist, and {account.lane} is live",
            remedy="Name it in `limits.default.destinations`, or in those of the strategy, account or venue.",
        )


def learn(turn: ManagerTurn, result: ReconciliationResult) -> None:
    """Keep the reference of a transfer, where its loop's result has one, with the account that it goes to."""
    mark = result.transfer
    known = turn.known(mark.destination) if mark else None
    if mark is not None and known is not None and mark.reference not in known.told:
        turn.put_account(replace(known, told=(*known.told, mark.reference)[-LIMIT:]))
    if result.instruction_id is not None and (mark is not None or _tells_the_end(result)):
        _locate(turn, result.instruction_id)


def _tells_the_end(result: ReconciliationResult) -> bool:
    is_of_it = result.kind == "loop" or result.corrects_report_id is not None
    return is_of_it and result.outcome != "unknown"


def _locate(turn: ManagerTurn, instruction_id: str) -> None:
    slot = turn.head.slot
    if slot is not None and slot.destination and slot.result and slot.result.instruction_id == instruction_id:
        turn.update(slot=replace(slot, located=True))
    if instruction_id in turn.head.unlocated:
        turn.update(unlocated=tuple(one for one in turn.head.unlocated if one != instruction_id))


def is_unlocated(slot: Slot) -> bool:
    """A transfer that ended without evidence, and whose source has not shown whether it left."""
    is_unknown = slot.result is not None and slot.result.outcome == "unknown"
    return is_unknown and slot.destination is not None and not slot.located


def ended(turn: ManagerTurn, slot: Slot) -> None:
    """The slot's loop is over, and the key is halted."""
    if is_unlocated(slot) and slot.result is not None:
        turn.update(unlocated=(*turn.head.unlocated, slot.result.instruction_id)[-LIMIT:])


def to_tell(turn: ManagerTurn, account: AccountRef) -> tuple[str, ...]:
    """The references that the account's executor has not been given yet."""
    known = turn.known(account)
    return known.told if known else ()


def are_told(turn: ManagerTurn, account: AccountRef) -> None:
    """They went out with a loop of the account, and are kept no longer."""
    known = turn.known(account)
    if known is not None and known.told:
        turn.put_account(replace(known, told=()))
