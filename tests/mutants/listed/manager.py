"""Slips in the interface manager: what starts, what frees the slot, which halts stand."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

DISPATCH = "handlers/manager/dispatch.py"
RESULTS = "handlers/manager/ending.py"
TESTS = ("tests/unit/handlers/manager",)

MUTANTS = (
    Mutant(
        "halted-venue-takes-steps",
        "a chain of actions that names another venue goes on acting at a halted one",
        "handlers/manager/turn.py",
        "        venues = (instruction.venue, *further_venues(instruction))\n",
        "        venues = (instruction.venue,)\n",
        TESTS,
    ),
    Mutant(
        "resume-before-a-transfer-is-located",
        "a key is resumed while nobody knows whether its transfer left: its arrival is counted twice",
        "handlers/manager/control.py",
        "    if turn.head.unlocated and not command.accept_unverified:\n",
        "    if turn.head.unlocated and command.accept_unverified:\n",
        ("tests/unit/testing/test_transfers.py",),
    ),
    Mutant(
        "accepted-halt-accepts-a-transfer-too",
        "a resume that accepts another halt lets the next one read where a transfer may have arrived",
        "handlers/manager/control.py",
        "        unlocated = turn.head.unlocated if left else ()",
        "        unlocated: tuple[str, ...] = ()",
        ("tests/unit/testing/test_transfers.py",),
    ),
    Mutant(
        "accepted-key-waits-for-its-venue",
        "a key that was resumed unverified waits until the venue can be read, and halts again after an hour",
        "handlers/manager/control.py",
        "    if slot is not None and slot.suspended and ending.clears_nothing(turn, slot):\n",
        "    if False:\n",
        TESTS,
    ),
    Mutant(
        "accepted-halt-gives-another-up",
        "a resume that accepts one halt unverified ends the verification for another",
        RESULTS,
        '    return slot.purpose == "resume" and not any(one.halt_id in slot.halt_ids for one in turn.head.halts)\n',
        '    return slot.purpose == "resume"\n',
        TESTS,
    ),
    Mutant(
        "verification-of-nothing-is-tried-again",
        "a verification whose halts were accepted meanwhile holds the slot when it could not be made",
        RESULTS,
        "    if clears_nothing(turn, slot):\n        dispatch.free(turn)\n        return\n",
        "",
        TESTS,
    ),
    Mutant(
        "halt-that-cancels-spares-later-steps",
        "a halt of a venue that cancels what works leaves chains alone whose later steps are there",
        "handlers/manager/control.py",
        "            named = (slot.result.venue, *slot.further_venues)\n",
        "            named = (slot.result.venue,)\n",
        ("tests/unit/testing/test_action_chains.py",),
    ),
    Mutant(
        "halted-key-works-its-queue-off",
        "what was queued when its key, or its venue, was halted is dispatched all the same",
        DISPATCH,
        "        elif any(turn.halts_for(leg.instruction) for leg in legs):\n            break\n",
        "",
        TESTS,
    ),
    Mutant(
        "expires-a-moment-late",
        "a queued instruction still starts at the very moment at which it expires",
        DISPATCH,
        "        if queued.expires_at <= turn.now:\n",
        "        if queued.expires_at < turn.now:\n",
        TESTS,
    ),
    Mutant(
        "new-one-overtakes-the-queue",
        "an instruction that comes in while others wait for a free slot starts before them",
        DISPATCH,
        "head.slot is None and not head.queued and head.group_id is None",
        "head.slot is None and head.group_id is None",
        TESTS,
    ),
    Mutant(
        "only-the-first-account-is-verified",
        "of a key's accounts only the first is verified after a resume",
        DISPATCH,
        "        remaining=accounts[1:],\n",
        "        remaining=(),\n",
        TESTS,
    ),
    Mutant(
        "submitted-after-it-expired",
        "an executor may submit until the loop's deadline, not until the instruction expires",
        DISPATCH,
        "            not_after=queued.expires_at if queued else slot.deadline_at,\n",
        "            not_after=slot.deadline_at,\n",
        TESTS,
    ),
    Mutant(
        "cancel-gets-no-result",
        "a cancel that waited for its target's end is forgotten: it has no result",
        DISPATCH,
        "    for cancelled in slot.cancels:\n",
        "    for cancelled in ():\n",
        TESTS,
    ),
    Mutant(
        "any-result-ends-the-loop",
        "the late result of an earlier loop frees the slot of the one in flight: two at once",
        RESULTS,
        "    return slot.loop_no == result.loop_no and result.kind",
        "    return result.kind",
        TESTS,
    ),
    Mutant(
        "resume-clears-every-halt",
        "a resume clears halts that the operator did not name",
        RESULTS,
        "halts=tuple(one for one in turn.head.halts if one.halt_id not in slot.halt_ids))",
        "halts=())",
        TESTS,
    ),
    Mutant(
        "unknown-goes-on-when-matched",
        "a loop that ended unknown does not halt its key when positions happen to match",
        RESULTS,
        """slot.result.outcome == "unknown":
        _halt(turn, slot, result, _unknown(slot.result))""",
        """slot.result.outcome == "unresolved":
        _halt(turn, slot, result, _unknown(slot.result))""",
        TESTS,
    ),
    Mutant(
        "wrong-books-are-forgotten-by-the-verify",
        "an error of the books in an instruction's own loop is forgotten once the verify after it matches",
        RESULTS,
        "        wrong = slot.result.error  # of its own loop",
        "        wrong = None  # of its own loop",
        TESTS,
    ),
    Mutant(
        "taken-over-twice",
        "an account whose taking over mismatches is added to the expected positions again",
        RESULTS,
        '    if slot.kind == "adopt" and not unreadable:',
        '    if slot.kind == "adopt" and result.status == "matched":',
        TESTS,
    ),
    Mutant(
        "mismatch-is-verified-for-ever",
        "a second mismatch does not halt the key: it is verified again and again",
        RESULTS,
        '        if slot.kind == "verify":\n',
        '        if slot.kind == "verify" and slot.result is None:\n',
        TESTS,
    ),
)
