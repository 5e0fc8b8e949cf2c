"""Slips in chains of actions whose steps are transactions of their own."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

STEPS = "handlers/executor/steps.py"
HERE = ("tests/unit/testing/test_action_chains.py",)

MUTANTS = (
    Mutant(
        "steps-go-on-after-a-failure",
        "a step is sent though the one before it has failed",
        STEPS,
        '    return outcome == "filled" and not entry.cancel_requested and _has_next(entry)\n',
        "    return not entry.cancel_requested and _has_next(entry)\n",
        HERE,
    ),
    Mutant(
        "steps-share-an-id",
        "two steps have one client order id: the second is taken for the first",
        STEPS,
        "    attempt = entry.attempt + 1\n",
        "    attempt = entry.attempt\n",
        HERE,
    ),
    Mutant(
        "a-cut-chain-is-whole",
        "a chain whose later steps were not done is told as filled, or as if nothing had been done",
        STEPS,
        '        return "partially_filled", error\n',
        "        return outcome, error\n",
        HERE,
    ),
    Mutant(
        "max-fee-of-each-step",
        "each step may spend what was allowed for all of them",
        STEPS,
        "max(chain.max_fee - progress.gas_spent, Decimal(0))",
        "chain.max_fee",
        HERE,
    ),
    Mutant(
        "any-output-will-do",
        "a step takes an amount of another token than it gives",
        STEPS,
        "    if len(candidates) > 1:\n",
        "    if False:\n",
        HERE,
    ),
    Mutant(
        "steps-go-on-after-a-cancel",
        "a step is sent after the instruction was cancelled",
        STEPS,
        '    return outcome == "filled" and not entry.cancel_requested and _has_next(entry)\n',
        '    return outcome == "filled" and _has_next(entry)\n',
        HERE,
    ),
    Mutant(
        "every-step-fills",
        "a chain's filled amount adds up amounts of different tokens",
        STEPS,
        "    return replace(shown, amount=Decimal(0))\n",
        "    return shown\n",
        HERE,
    ),
    Mutant(
        "later-steps-have-no-time-to-be-prepared",
        "a chain ends half done by one reading that failed, as its first step took long",
        STEPS,
        "    return entry.journalled_at if number_of(entry) else entry.routed.dispatched_at\n",
        "    return entry.routed.dispatched_at\n",
        HERE,
    ),
)
