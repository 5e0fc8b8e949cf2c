"""PUH: the position update handler's errors."""

from __future__ import annotations

from tightloop.errors.catalogue.entry import Component

_entry = Component("position-update-handler")

_DEAD = "Writes the record to `dead_letters` and halts its key."


ENTRIES = (
    _entry(
        "PUH-001",
        "tight loop failed",
        "HIGH",
        "A loop driven in process ended in an error; the message names the cause.",
        "Raises it with its cause; the positions keep what was really done.",
        "Read the cause in the message and correct what it names.",
    ),
    _entry(
        "PUH-002",
        "component timeout",
        "MEDIUM",
        "In process, the position monitor raised a TimeoutError.",
        "Raises it; the positions keep what was really done.",
        "Check the venue's state; allow more time.",
    ),
    _entry(
        "PUH-003",
        "orchestration failed",
        "CRITICAL",
        "The position update handler failed for a reason that has no code; the message names the cause.",
        _DEAD,
        "Read the cause in the message and report it; after a fix `tightloop dead-letters retry`, then resume.",
    ),
    _entry(
        "PUH-004",
        "fill for an unknown instruction",
        "HIGH",
        "A report names a loop that cannot exist or was settled too long ago to be remembered, another instruction "
        "than its loop has, or corrects a report its loop never had.",
        _DEAD,
        "Find the program that wrote it: only executors may write `fills`. If it did happen, `tightloop adjust`.",
    ),
    _entry(
        "PUH-005",
        "same fill id, different content",
        "HIGH",
        "A report id came again with other content.",
        _DEAD,
        "Find the program that wrote it: an executor's ids are computed from loop and report number.",
    ),
    _entry(
        "PUH-006",
        "fill out of order",
        "HIGH",
        "A report came whose predecessor in its loop is missing.",
        "Applies it (deltas add up in any order), and halts the key.",
        "Find the missing report (`tightloop dead-letters list`), `tightloop dead-letters retry` it, then resume.",
    ),
    _entry(
        "PUH-007",
        "invalid delta",
        "HIGH",
        "A delta's position key or source cannot be read, an amount is out of range, or a fee is not in the deltas.",
        _DEAD,
        "Find the program that wrote it; after a fix, `tightloop dead-letters retry`.",
    ),
    _entry(
        "PUH-008",
        "state restore failed",
        "CRITICAL",
        "The state topic and the committed offsets do not belong together, or the state cannot be restored.",
        "Stops the component.",
        "Check that the state topic is whole and compacted, not deleted; restore it from a copy, then restart.",
    ),
    _entry(
        "PUH-009",
        "handshake timeout",
        "HIGH",
        "In process, the reconciliation component raised a TimeoutError.",
        "Raises it; the positions keep what was really done.",
        "Check the venue's state; reconcile again.",
    ),
    _entry(
        "PUH-010",
        "balance below zero",
        "HIGH",
        "A report takes more from a balance than is expected to be there.",
        "Applies it, as it happened. The update carries the error, and the comparison with the venue decides.",
        "Look for a deposit or a transfer that was not reported; `tightloop adjust` it.",
    ),
    _entry(
        "PUH-011",
        "result for another version",
        "HIGH",
        "In process, a reconciliation component answered for another time than the one asked for.",
        "Raises it.",
        "Give a component that reconciles when it is asked, and keeps no older report.",
    ),
    _entry(
        "PUH-012",
        "invalid adjustment",
        "MEDIUM",
        "An `adjust` has no deltas, no `expected_position_version`, a delta that cannot be read, or one that would "
        "take a balance below zero.",
        "Refuses it with a final update without deltas; where no account is known to verify, or its id came before "
        "with other content, as a dead letter.",
        "Correct the command and give it again.",
    ),
    _entry(
        "PUH-013",
        "position version has moved on",
        "MEDIUM",
        "An `adjust` was decided on a version that is not the current one.",
        "Refuses it with a final update without deltas.",
        "Look at the positions again (`tightloop status`) and decide again.",
    ),
)
