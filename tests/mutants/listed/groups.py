"""Slips in groups: what starts, what runs between the legs, what a failed leg ends, how a leg is scaled."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

DISPATCH = "handlers/manager/dispatch.py"
WAITING = "handlers/manager/groups.py"
RUN = "handlers/manager/group_run.py"
TURN = "handlers/manager/turn.py"
RULES = "domain/groups.py"
TESTS = ("tests/unit/handlers/manager/test_groups.py", "tests/unit/handlers/manager/test_group_run.py")

MUTANTS = (
    Mutant(
        "group-starts-without-its-last-leg",
        "a group starts as soon as its first leg is there: one leg is traded, and the other never comes",
        WAITING,
        "    if len(legs) == group.size and first is not None:\n",
        "    if first is not None and group.queue_name is None:\n",
        TESTS,
    ),
    Mutant(
        "group-starts-into-a-halted-venue",
        "only the first leg's venue is looked at: a group starts although a halt will stop its second leg",
        DISPATCH,
        "        elif any(turn.halts_for(leg.instruction) for leg in legs):\n",
        "        elif turn.halts_for(queued.instruction):\n",
        TESTS,
    ),
    Mutant(
        "second-account-is-not-adopted-first",
        "only the first leg's account is taken over before the group starts: the second trades on unknown positions",
        DISPATCH,
        "first_in_queue.first_unadopted(turn, legs)) is not None:",
        "first_in_queue.first_unadopted(turn, legs[:1])) is not None:",
        TESTS,
    ),
    Mutant(
        "group-waits-longer-than-its-legs",
        "a group waits until its last leg expires, and starts with others that have expired",
        WAITING,
        "expires_at=min(group.expires_at, queued.expires_at)",
        "expires_at=max(group.expires_at, queued.expires_at)",
        TESTS,
    ),
    Mutant(
        "two-legs-of-one-index",
        "a leg takes the place of another with its index, which then has no result",
        RULES,
        "    if same_index is not None:\n",
        "    if same_index == leg.instruction_id:\n",
        TESTS,
    ),
    Mutant(
        "refused-group-is-forgotten",
        "a leg that comes after its group was refused waits for others that can't come",
        WAITING,
        "    if ended is not None:\n        raise rules.refused",
        "    if ended is not None and ended.ended_at == turn.now:\n        raise rules.refused",
        TESTS,
    ),
    Mutant(
        "refused-leg-leaves-the-others-waiting",
        "a leg that is refused does not refuse its group: the others wait until they expire",
        WAITING,
        '        end_waiting(turn, group, "refused", why)\n    return True\n',
        "        remember(turn, group_id, why)\n    return True\n",
        TESTS,
    ),
    Mutant(
        "queue-runs-while-a-group-is-stopped",
        "while a halt of its venue stops a group's next leg, other instructions trade between its legs",
        DISPATCH,
        "    if head.group_id is not None:\n        return  # a halt stops its next leg",
        "    if head.group_id is not None and head.halts:\n        return  # a halt stops its next leg",
        TESTS,
    ),
    Mutant(
        "newcomer-runs-while-a-group-is-stopped",
        "an instruction that comes while a group is stopped between two legs starts at once",
        DISPATCH,
        "not head.queued and head.group_id is None",
        "not head.queued",
        TESTS,
    ),
    Mutant(
        "verification-runs-between-legs",
        "the verification of an adjustment takes the slot between two legs",
        DISPATCH,
        "    if (group := group_run.running(turn)) is not None:\n",
        "    if (group := group_run.running(turn)) is not None and not turn.head.checks:\n",
        TESTS,
    ),
    Mutant(
        "stopped-group-is-woken-without-end",
        "a key whose group is stopped between two legs asks for a refresh that can't start, again and again",
        TURN,
        "        if head.group_id is not None:\n            return None\n",
        "",
        TESTS,
    ),
    Mutant(
        "halt-does-not-stop-the-next-leg",
        "an operator's halt between two legs does not stop the second",
        DISPATCH,
        "    if turn.halts_for(queued.instruction):\n        return\n",
        "",
        TESTS,
    ),
    Mutant(
        "part-of-any-leg-is-enough",
        "a later leg that is filled in part counts as done: the group goes on, and nobody is told of the rest",
        RUN,
        'in_part = leg.index == 0 and leg.outcome == "partially_filled"',
        'in_part = leg.outcome == "partially_filled"',
        TESTS,
    ),
    Mutant(
        "part-is-enough-where-one-leg-scales",
        "a first leg filled in part is followed by legs that do not scale to it, and are too large",
        RUN,
        "all(one.scales for one in group.legs[1:])",
        "any(one.scales for one in group.legs[1:])",
        TESTS,
    ),
    Mutant(
        "group-goes-on-after-a-mismatch",
        "a leg whose loop ended in a halt counts as done, and the next starts after the resume",
        RUN,
        '    if leg.status != "reconciled":\n        return False\n',
        "",
        TESTS,
    ),
    Mutant(
        "failure-halts-only-where-it-is-asked-for",
        "a leg that says nothing of failure does not halt its key",
        RUN,
        '    if leg.on_failure != "cancel_rest":\n',
        '    if leg.on_failure == "halt":\n',
        TESTS,
    ),
    Mutant(
        "cancelled-group-goes-on",
        "a group that is cancelled while its first leg is in flight goes on with the second",
        RUN,
        "        groups.put(turn, replace(group, cancelled=True))\n",
        "        groups.put(turn, group)\n",
        TESTS,
    ),
    Mutant(
        "later-leg-expires-by-waiting",
        "a later leg expires while the legs before it run, although the first has filled",
        RUN,
        "expires_at=max(queued.expires_at, turn.now + life)",
        "expires_at=queued.expires_at",
        TESTS,
    ),
    Mutant(
        "scaled-leg-keeps-its-amount",
        "a leg that is to take the fraction filled is sent whole",
        RUN,
        "    if instruction.scale_to_filled and first.ordered is not None:\n",
        "    if instruction.scale_to_filled and first.ordered is None:\n",
        TESTS,
    ),
    Mutant(
        "scaled-amount-is-rounded-up",
        "a scaled leg is larger, by a last place, than what the first filled",
        "domain/money.py",
        "    if rest and up:\n",
        "    if rest:\n",
        TESTS,
    ),
    Mutant(
        "scaled-leg-is-held-to-its-whole-expectation",
        "a scaled leg's expected deltas stay whole: it halts its key for doing what it should",
        RULES,
        "tuple(replace(one, amount=down(one.amount)) for one in instruction.expected_deltas)",
        "instruction.expected_deltas",
        TESTS,
    ),
)
