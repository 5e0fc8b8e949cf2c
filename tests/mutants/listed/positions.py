"""Slips in what is expected to be held (position update handler) and in how that is compared (reconciliation)."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

LOOPS = "handlers/positions/reported.py"
COMPARE = "handlers/reconciliation/compare.py"
SUMS = "handlers/reconciliation/sums.py"
RESULTS = "handlers/reconciliation/findings.py"
POSITIONS_TESTS = ("tests/unit/handlers/positions",)
RECONCILIATION_TESTS = ("tests/unit/handlers/reconciliation",)

MUTANTS = (
    Mutant(
        "last-report-is-applied-twice",
        "another report under the number of a loop's last one is applied, instead of refused",
        LOOPS,
        "    return number <= loop.last_report_no and",
        "    return number < loop.last_report_no and",
        POSITIONS_TESTS,
    ),
    Mutant(
        "other-content-is-a-duplicate",
        "a report that comes again with other content is passed over in silence",
        LOOPS,
        "        if loop.digests[loop.report_ids.index(report.report_id)] == digest:\n            return True\n",
        "        return True\n",
        POSITIONS_TESTS,
    ),
    Mutant(
        "gap-is-settled",
        "a loop that misses a report is forgotten like one that is whole: the report that comes at last is refused",
        LOOPS,
        " is not None and not loop.missing and loop.outcome",
        " is not None and loop.outcome",
        POSITIONS_TESTS,
    ),
    Mutant(
        "unknown-is-settled",
        "a loop that ended unknown is forgotten after a while: its correction is refused",
        LOOPS,
        ' and not loop.missing and loop.outcome != "unknown"\n',
        " and not loop.missing\n",
        POSITIONS_TESTS,
    ),
    Mutant(
        "forgotten-loop-counts-as-new",
        "a report of a loop long forgotten is applied, though it may have been applied before",
        LOOPS,
        "    if numbering.contains(head.unseen_loops, loop_no):\n        return new\n",
        "    return new\n",
        POSITIONS_TESTS,
    ),
    Mutant(
        "what-is-missing-passes",
        "an account that holds less than expected passes, whatever is missing",
        COMPARE,
        "        passed = difference.copy_abs() <= allowed and",
        "        passed = difference <= allowed and",
        RECONCILIATION_TESTS,
    ),
    Mutant(
        "unexpected-holdings-are-not-looked-at",
        "what is held and was not expected gets no check",
        COMPARE,
        "    for key in sorted(expected.keys() | actual.keys()):\n",
        "    for key in sorted(expected.keys()):\n",
        RECONCILIATION_TESTS,
    ),
    Mutant(
        "tolerance-is-a-share-of-anything",
        "dust is multiplied with the share instead of added: small positions have no tolerance, large ones any",
        COMPARE,
        "        return money.CONTEXT.add(dust, part)\n",
        "        return money.CONTEXT.add(part, part)\n",
        RECONCILIATION_TESTS,
    ),
    Mutant(
        "misplaced-position-passes-when-it-matches",
        "a position that cannot lie in that account passes when its amount is the expected one",
        COMPARE,
        " <= allowed and key not in unknown\n",
        " <= allowed\n",
        RECONCILIATION_TESTS,
    ),
    Mutant(
        "tolerated-differences-cancel-out",
        "what was tolerated to be missing is made up for by what was tolerated to be too much",
        SUMS,
        "    moved = (check.difference - position.residual).copy_abs()\n",
        "    moved = check.difference - position.residual\n",
        RECONCILIATION_TESTS,
    ),
    Mutant(
        "tolerated-differences-do-not-add-up",
        "each tolerated difference is judged alone: money may seep away for ever",
        SUMS,
        "    if total > factor * check.tolerance:\n",
        "    if moved > factor * check.tolerance:\n",
        RECONCILIATION_TESTS,
    ),
    Mutant(
        "restated-and-added-again",
        "deltas that come late are added to an amount that a later version, which held them already, has restated",
        SUMS,
        "        if position.restated_at <= version:\n",
        "        if True:\n",
        RECONCILIATION_TESTS,
    ),
    Mutant(
        "two-spellings-overwrite-each-other",
        "of a position that the venue shows under two spellings of its key only the last amount counts",
        RESULTS,
        "money.check(held[plain] + shown) if plain in held else shown\n",
        "shown\n",
        RECONCILIATION_TESTS,
    ),
    Mutant(
        "another-accounts-positions-pass",
        "what a snapshot shows of another account is taken for this one's",
        RESULTS,
        "        if place is None or place.lane != found.lane or place.account != found.account:\n",
        "        if place is None:\n",
        RECONCILIATION_TESTS,
    ),
)
