"""Slips in the executor: what is sent, what counts as evidence, what a report says was filled."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

INTENTS = "handlers/executor/intents.py"
CLOSING = "handlers/executor/closing.py"
WATCHING = "handlers/executor/watching.py"
TESTS = ("tests/unit/handlers/executor",)

MUTANTS = (
    Mutant(
        "ambiguous-is-sent-again",
        "a lost answer counts as not sent: the order is submitted again without asking, and fills twice",
        INTENTS,
        """            ask(turn, turn.put(replace(entry, tries=0)))
""",
        """            submit(turn, turn.put(replace(entry, tries=0)))
""",
        TESTS,
    ),
    Mutant(
        "restored-intent-is-submitted",
        "after a restart an open intent is submitted again instead of asked for",
        INTENTS,
        """        entry = turn.put(replace(entry, status="sent", may_have_left=True, tries=0))
    ask(turn, entry)
""",
        """        submit(turn, entry)
        return
    ask(turn, entry)
""",
        TESTS,
    ),
    Mutant(
        "shown-order-is-submitted-again",
        "an order that the venue had shown and does not find for once is submitted again",
        INTENTS,
        """    elif entry.status == "working":
        _no_evidence(turn, entry,""",
        """    elif entry.status == "lost":
        _no_evidence(turn, entry,""",
        TESTS,
    ),
    Mutant(
        "free-nonce-counts-as-used",
        "a nonce that is still free counts as used by another: the loop ends rejected, its transaction may still act",
        INTENTS,
        "    if free > held:\n",
        "    if free >= held:\n",
        TESTS,
    ),
    Mutant(
        "refused-cancel-ends-the-order",
        "a cancel that the venue refuses ends its order as rejected, whatever it has filled",
        INTENTS,
        """    if entry.status == "working":  # a cancel that came too late, or that the venue does not know
        ask(turn, entry)
    elif""",
        "    if",
        TESTS,
    ),
    Mutant(
        "told-entries-are-told-again",
        "a fill that a working report has told of is told again when the order ends: counted twice",
        CLOSING,
        "    return [shown for shown in entries if shown.entry_id not in entry.reported_entries]\n",
        "    return list(entries)\n",
        TESTS,
    ),
    Mutant(
        "accruals-before-the-order-are-skipped",
        "funding between the account's cursor and the order's entries is never told",
        CLOSING,
        "    if found.cursor_after is not None and adjoins and len(fresh)",
        "    if found.cursor_after is not None and len(fresh)",
        TESTS,
    ),
    Mutant(
        "only-the-first-page-is-read",
        "a ledger of several pages is read to the end of the first: the rest is never told",
        CLOSING,
        "    if ledger.more:\n",
        "    if False:\n",
        TESTS,
    ),
    Mutant(
        "cursor-stands-still",
        "the account's cursor is not moved on when an order ends: the next loop tells of the same entries again",
        CLOSING,
        "        turn.set_cursor(entry.venue, entry.account, found.cursor_after)\n",
        "",
        TESTS,
    ),
    Mutant(
        "trades-of-a-rejected-order-are-hidden",
        "an order that counts as rejected or cancelled keeps that outcome though the ledger tells of its trades",
        CLOSING,
        '            outcome = "partially_filled"  # the ledger',
        "            outcome = outcome  # the ledger",
        TESTS,
    ),
    Mutant(
        "vanished-order-did-nothing",
        "an order whose loop ended unknown, and that the venue once had shown, counts as undone when it is not found",
        WATCHING,
        "    if entry.found:\n",
        "    if entry.found and turn.settings.fence == 'nonce':\n",
        TESTS,
    ),
    Mutant(
        "correction-tells-everything-again",
        "the correction of an unknown order holds what its loop's own reports held: counted twice",
        WATCHING,
        "    fresh = tuple(shown for shown in found.entries if shown.entry_id not in entry.reported_entries)\n",
        "    fresh = tuple(found.entries)\n",
        TESTS,
    ),
    Mutant(
        "operator-adds-instead-of-stating",
        "what an operator says was filled in all is added to what was told already",
        WATCHING,
        "                filled=filled - entry.filled_amount,\n",
        "                filled=filled,\n",
        TESTS,
    ),
    Mutant(
        "first-glance-at-a-nonce-decides",
        "an unknown transaction counts as lost at the first question, though its block may come between the two",
        WATCHING,
        " and answer.nonce > entry.nonce and entry.tries > 0\n",
        " and answer.nonce > entry.nonce\n",
        TESTS,
    ),
)
