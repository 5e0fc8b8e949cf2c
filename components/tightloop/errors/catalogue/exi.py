"""EXI: the executors' errors."""

from __future__ import annotations

from tightloop.errors.catalogue.entry import ErrorEntry
from tightloop.records.types import Severity


def _entry(
    code: str, title: str, severity: Severity, cause: str, system: str, operator: str, *, reserved: str | None = None
) -> ErrorEntry:
    return ErrorEntry(
        code=code,
        title=title,
        severity=severity,
        component="executor",
        cause=cause,
        system=system,
        operator=operator,
        reserved=reserved,
    )


_REJECTED = "Ends the loop as `rejected`; positions are verified unchanged and the key goes on."

ENTRIES = (
    _entry(
        "EXI-001",
        "order failed",
        "HIGH",
        "The venue refused, for a reason that has no code of its own; the message gives it.",
        _REJECTED,
        "Read the venue's reason; correct the strategy or the account.",
    ),
    _entry(
        "EXI-002",
        "rate limited",
        "MEDIUM",
        "The venue asks for fewer requests.",
        "Waits as long as the venue says and tries the same intent again, until `not_after`.",
        "If it lasts: fewer strategies on the account, or a higher limit at the venue.",
    ),
    _entry(
        "EXI-003",
        "venue unavailable",
        "HIGH",
        "The venue does not answer, or says that it is down.",
        "Tries the same intent again until `not_after`; a refresh or verify ends with outcome `none` and is repeated.",
        "Check the venue's state page and the network.",
    ),
    _entry(
        "EXI-004",
        "credentials refused",
        "CRITICAL",
        "The venue refuses the key, the signature or the permission.",
        "Ends the loop as `rejected`; positions are verified unchanged.",
        "Check the credentials and their permissions at the venue, then restart the executor.",
        reserved="Simulated venues need no credentials; live ones come with the next issue.",
    ),
    _entry(
        "EXI-005",
        "outcome unknown",
        "CRITICAL",
        "A request may have left, and the venue gave no evidence by the deadline of what became of it.",
        "Ends the loop as `unknown`, halts the key, and goes on asking until there is evidence or an operator's word.",
        "Look at the venue's own history for the client order id; wait, or `tightloop resolve ID`; then resume.",
    ),
    _entry(
        "EXI-006",
        "insufficient funds",
        "MEDIUM",
        "The account does not hold enough for the order, its fee or its gas.",
        _REJECTED,
        "Fund the account, or correct the strategy's sizes.",
    ),
    _entry(
        "EXI-007",
        "order invalid",
        "MEDIUM",
        "The venue does not take such an order: size, price, tick, minimum, symbol.",
        _REJECTED,
        "Correct the strategy by the venue's rules, which the message gives.",
    ),
    _entry(
        "EXI-008",
        "transaction reverted",
        "MEDIUM",
        "The transaction was mined and undid itself, or would have.",
        "Ends the loop as `rolled_back` with its gas as a delta, or as `rejected` when it was never sent.",
        "Read the decoded reason and the step it names; correct amounts, limits or allowances.",
    ),
    _entry(
        "EXI-009",
        "nonce conflict",
        "HIGH",
        "The wallet's nonce was used by a transaction that is not ours.",
        "Looks for its own transaction first; the intent ends `rejected` once another one holds its nonce for good.",
        "See who else uses the wallet: one strategy, one wallet.",
    ),
    _entry(
        "EXI-010",
        "fee cap reached",
        "MEDIUM",
        "Gas costs more than `max_fee` or the configured ceiling allows.",
        "Does not submit, or bumps no further.",
        "Wait for cheaper gas, or allow more.",
    ),
    _entry(
        "EXI-011",
        "slippage limit",
        "MEDIUM",
        "The price moved beyond the limit that the instruction set.",
        _REJECTED,
        "Allow more slippage, or trade less at once.",
    ),
    _entry(
        "EXI-012",
        "confirmation timeout or reorg",
        "HIGH",
        "A transaction was not confirmed in time, or the block that held it is gone.",
        "Goes on watching and broadcasts the same transaction again; without evidence by the deadline, as EXI-005.",
        "Check the node; look for the transaction in an explorer.",
    ),
    _entry(
        "EXI-013",
        "operation not supported",
        "MEDIUM",
        "The venue's adapter does not know the operation, the order type or the market.",
        _REJECTED,
        "Use what the venue offers; the message names it.",
    ),
    _entry(
        "EXI-014",
        "record refused: loop_no not above the last seen",
        "HIGH",
        "A routed instruction came again, or late: its loop number is not above the last of its key.",
        "Writes it to `dead_letters` and halts the key. Nothing is submitted.",
        "See who wrote to the lane's topic: only the interface manager may.",
    ),
    _entry(
        "EXI-015",
        "clock differs from the broker's or the venue's",
        "CRITICAL",
        "This machine's clock and the lane's venue's differ by more than the clock margin, as a venue's answer "
        "shows or its refusal of a signed time says; or the broker took in what is in hand at a time that is still to "
        "come.",
        "Submits nothing: the loop ends with outcome `none`, and the next instruction is judged anew.",
        "Set the machine's clock (NTP). If it is right, see to the broker's; a venue's can only be waited for.",
    ),
    _entry(
        "EXI-016",
        "answer that cannot be read",
        "HIGH",
        "A venue's answer holds what no record can carry or nobody can act on: an amount of more than 18 places, a "
        "time that cannot be, an id without text, more than 4,096 entries. The message names the field and its value.",
        "Takes it for no answer: asks again, and without evidence by the deadline ends the loop `unknown` (EXI-005) or "
        "unverified, which halts or suspends the key.",
        "Report it to whoever wrote the venue's adapter; find out at the venue what happened, and resolve the intent.",
    ),
)
