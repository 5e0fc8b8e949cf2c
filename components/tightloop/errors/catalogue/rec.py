"""REC: reconciliation's errors."""

from __future__ import annotations

from tightloop.errors.catalogue.entry import Component

_entry = Component("reconciliation")

_SUSPENDED = "Suspends the key and verifies again, 5 s doubling to 5 min, for an hour; then halts it."

ENTRIES = (
    _entry(
        "REC-001",
        "reconciliation failed",
        "HIGH",
        "A comparison could not be made; the message names the cause, such as a loop under way beside a correction.",
        _SUSPENDED,
        "Read the cause in the message and correct what it names.",
    ),
    _entry(
        "REC-002",
        "position mismatch",
        "HIGH",
        "What a venue holds differs from what is expected by more than the tolerance.",
        "Verifies once more, which also reports what accrued since; if that mismatches too, halts the key.",
        "Look at the checks (`tightloop show ID`) and the venue's own history; `tightloop adjust` a difference "
        "that is explained, then resume.",
    ),
    _entry(
        "REC-003",
        "retries exhausted",
        "CRITICAL",
        "A suspended key could not be verified for an hour.",
        "Halts the key.",
        "Restore the access to the venue, then resume.",
    ),
    _entry(
        "REC-004",
        "unknown asset in reconciliation",
        "HIGH",
        "A position key in the expected positions or in the snapshot cannot be read.",
        "Counts as a mismatch.",
        "Correct the source of the key that the message names.",
    ),
    _entry(
        "REC-005",
        "actual position unavailable",
        "HIGH",
        "The venue cannot say what the account holds.",
        _SUSPENDED,
        "Check the venue's state and the credentials used for reading.",
    ),
    _entry(
        "REC-006",
        "reconciliation timeout",
        "HIGH",
        "No usable snapshot came within the deadline (30 s, 10 s an attempt).",
        _SUSPENDED,
        "Check the venue's state and the network.",
    ),
    _entry(
        "REC-007",
        "actual position older than the execution",
        "HIGH",
        "The venue's snapshots stay behind the execution, by time, sequence or block.",
        "Asks again until the deadline; then the result is `unavailable`, as with REC-005.",
        "Check the venue's state; an endpoint that lags may have to be replaced.",
    ),
    _entry(
        "REC-008",
        "position that was not expected",
        "HIGH",
        "The account holds a position that no report contains.",
        "Counts as a mismatch.",
        "Find where it came from (a deposit, another strategy, trading by hand); `tightloop adjust` it, then resume.",
    ),
    _entry(
        "REC-009",
        "position version gap",
        "HIGH",
        "A position update's version is not the one after the last.",
        "Applies it all the same, and halts the key.",
        "Find the missing update (`tightloop dead-letters list`), `tightloop dead-letters retry` it, then resume.",
    ),
    _entry(
        "REC-010",
        "handshake violated",
        "HIGH",
        "A position update expects other amounts than its deltas come to, or does not follow the version before it.",
        "Believes the update from then on, and halts the key.",
        "Look at the loop's records (`tightloop show ID`) and report it: this should not happen.",
    ),
    _entry(
        "REC-011",
        "invalid tolerance",
        "HIGH",
        "A tolerance is negative, not a number, or a relative one of 1 or more.",
        "Refuses to start.",
        "Correct the tolerance in the configuration.",
    ),
    _entry(
        "REC-012",
        "duplicate request",
        "HIGH",
        "A position version came again with other content. (With the same content it is ignored.)",
        "Writes the record to `dead_letters` and halts its key.",
        "Find the program that wrote it: only the position update handler may write `position_updates`.",
    ),
    _entry(
        "REC-013",
        "key halted",
        "HIGH",
        "A call in process asks to reconcile a key that is halted.",
        "Refuses the call.",
        "Resume the key first.",
        reserved="A halt stops what is dispatched, never facts: the positions of a halted key are reconciled like "
        "others', so that no call is refused for it.",
    ),
    _entry(
        "REC-014",
        "tolerated residuals above their bound",
        "HIGH",
        "Differences that each were within tolerance add up to more than the bound of their position.",
        "Halts the key.",
        "Find what drifts (fees, rounding, interest not reported); `tightloop adjust` it, then resume.",
    ),
)
