"""EXI: the executors' errors."""

from __future__ import annotations

from tightloop.errors.catalogue.entry import Component

_entry = Component("executor")

_REJECTED = "Ends the loop as `rejected`; positions are verified unchanged and the key goes on."

ENTRIES = (
    _entry(
        "EXI-001",
        "order failed",
        "HIGH",
        "The venue refused the order, for a reason that has no code of its own; the message gives it.",
        _REJECTED,
        "Read the venue's reason; correct the strategy or the account.",
    ),
    _entry(
        "EXI-002",
        "rate limited",
        "MEDIUM",
        "The venue asks for fewer requests, or would: on a live exchange its limits are counted along (docs/live.md).",
        "Nothing was done. Waits as long as the venue says, or until there is room, and tries the same intent again, "
        "until `not_after`.",
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
    ),
    _entry(
        "EXI-005",
        "outcome unknown",
        "CRITICAL",
        "A request may have been sent, and by the deadline the venue gave no evidence of its outcome.",
        "Ends the loop as `unknown`, halts the key, and asks again until there is evidence, or an operator resolves "
        "it.",
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
        "The transaction was mined and reverted, or its simulation reverted.",
        "Ends the loop as `rolled_back` with its gas as a delta, or as `rejected` when it was never sent.",
        "Read the decoded reason and the step it names; correct amounts, limits or allowances.",
    ),
    _entry(
        "EXI-009",
        "nonce conflict",
        "HIGH",
        "The wallet's nonce was used by a transaction that is not ours.",
        "Looks for its own transaction first; the intent ends `rejected` once another one holds its nonce for good.",
        "Find what else uses the wallet: only one strategy may use a wallet.",
    ),
    _entry(
        "EXI-010",
        "fee cap reached",
        "MEDIUM",
        "Gas costs more than `max_fee` or the configured ceiling allows.",
        "Does not submit the transaction, or does not raise its fees further.",
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
        "Watches on and broadcasts the same transaction again; without evidence by the deadline it is EXI-005.",
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
        "Find the program that wrote to the lane's topic: only the interface manager may.",
    ),
    _entry(
        "EXI-015",
        "clock differs from the broker's or the venue's",
        "CRITICAL",
        "This machine's clock and the venue's differ by more than the clock margin, as the times in the venue's "
        "answers "
        "show, or its refusal of a signed time; or the broker stamped the instruction with a time that is still to "
        "come "
        "by this machine's clock.",
        "Submits nothing: the loop ends with outcome `none`. The clocks are compared again for the next instruction.",
        "Set the machine's clock (NTP). If it is right, correct the broker's. If the venue's is wrong, wait until it "
        "is "
        "corrected.",
    ),
    _entry(
        "EXI-016",
        "answer that cannot be read",
        "HIGH",
        "A venue's answer holds a value that no record can carry or that makes no sense: an amount of more than 18 "
        "places, an impossible time, an empty id, more than 4,096 entries. The message names the field and its value.",
        "Treats it as no answer: asks again, and without evidence by the deadline ends the loop `unknown` (EXI-005) or "
        "unverified, which halts or suspends the key.",
        "Report it to the author of the venue's adapter; find out at the venue what happened, and resolve the intent.",
    ),
    _entry(
        "EXI-017",
        "transfer overdue",
        "HIGH",
        "A transfer has left its source, or was asked for there, and has not arrived at its destination within "
        "`timing.arrival`.",
        "Ends the loop `unknown`, or with `release: on_debit` publishes a correction that says so; halts the key; and "
        "goes on asking the destination. What arrives later is published and applied.",
        "Look at the destination and at the network for its reference (`tightloop show`). If it comes, resume. If it "
        "never will, `resolve` it with the deltas that take it out of `transit:...` (docs/transfers.md).",
    ),
)
