"""Slips in the executor: what is sent, what counts as evidence, what a report says was filled."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

INTENTS = "handlers/executor/intents.py"
WINDOW = "handlers/executor/window.py"
NONCE = "handlers/executor/nonce.py"
CLOSING = "handlers/executor/closing.py"
WATCHING = "handlers/executor/watching.py"
EVIDENCE = "handlers/calls.py"
HERE = "tests/unit/handlers/executor"
BY_ACTED_ONCE = (f"{HERE}/test_acted_once.py",)
BY_CANCELS = (f"{HERE}/test_cancels.py",)
BY_CLOCKS = (f"{HERE}/test_clocks.py",)
BY_EXECUTION_CASES = (f"{HERE}/test_execution_cases.py",)
BY_NONCES = (f"{HERE}/test_nonces.py",)
BY_RECOVERY = (f"{HERE}/test_recovery.py",)
BY_SLOW_EVIDENCE = (f"{HERE}/test_slow_evidence.py",)
BY_WATCHING = (f"{HERE}/test_watching.py",)

MUTANTS = (
    Mutant(
        "evidence-is-as-young-as-its-handling",
        "'not found' that was told early and handled late counts: the order arrives after it, and is sent again",
        WINDOW,
        "        if answer.holds_at < due:\n",
        "        if False:\n",
        BY_ACTED_ONCE,
    ),
    Mutant(
        "our-clock-alone-dates-evidence",
        "'not found' by a venue whose clock lags counts before its late requests are refused",
        EVIDENCE,
        "        return min(self.asked_at, self.as_of)\n",
        "        return self.asked_at\n",
        BY_ACTED_ONCE,
    ),
    Mutant(
        "the-venues-clock-alone-dates-evidence",
        "'not found' by a venue whose clock is ahead counts while a request may still leave",
        EVIDENCE,
        "        return min(self.asked_at, self.as_of)\n",
        "        return self.as_of\n",
        BY_CLOCKS,
    ),
    Mutant(
        "submitted-after-its-timeout",
        "an order is submitted, or sent again, after its timeout_ms",
        "handlers/executor/deadline.py",
        "    return routed.not_after if timeout is None else min(routed.not_after, timeout)\n",
        "    return routed.not_after\n",
        BY_EXECUTION_CASES,
    ),
    Mutant(
        "what-a-resume-ended-is-submitted",
        "an instruction whose loop was ended is submitted when its nonce comes, with the slot free",
        "handlers/executor/handler.py",
        "        starting.give_up_earlier(turn, routed.loop_no)\n",
        "",
        BY_RECOVERY,
    ),
    Mutant(
        "ambiguous-is-sent-again",
        "a lost answer counts as not sent: the order is submitted again without asking, and fills twice",
        INTENTS,
        """            ask(turn, turn.put(replace(entry, tries=0)))
""",
        """            submit(turn, turn.put(replace(entry, tries=0)))
""",
        BY_CANCELS,
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
        BY_EXECUTION_CASES,
    ),
    Mutant(
        "shown-order-is-submitted-again",
        "an order that the venue had shown and does not find for once is submitted again",
        WINDOW,
        "        if entry.found:  #",
        "        if False:  #",
        BY_SLOW_EVIDENCE,
    ),
    Mutant(
        "free-nonce-counts-as-used",
        "a nonce that is still free counts as used by another: the loop ends rejected, its transaction may still act",
        NONCE,
        "        if answer.settled_nonce > held:\n",
        "        if answer.settled_nonce >= held:\n",
        BY_EXECUTION_CASES,
    ),
    Mutant(
        "refused-cancel-ends-the-order",
        "a cancel that the venue refuses ends its order as rejected, whatever it has filled",
        INTENTS,
        """    if entry.status == "working":  # a cancel that came too late""",
        """    if entry.status == "never":  # a cancel that came too late""",
        BY_CANCELS,
    ),
    Mutant(
        "told-entries-are-told-again",
        "a fill that a working report has told of is told again when the order ends: counted twice",
        CLOSING,
        "    return [shown for shown in entries if shown.entry_id not in entry.reported_entries]\n",
        "    return list(entries)\n",
        BY_CANCELS,
    ),
    Mutant(
        "accruals-before-the-order-are-skipped",
        "funding between the account's cursor and the order's entries is never told",
        CLOSING,
        "    if found.cursor_after is not None and adjoins and len(fresh)",
        "    if found.cursor_after is not None and len(fresh)",
        BY_EXECUTION_CASES,
    ),
    Mutant(
        "only-the-first-page-is-read",
        "a ledger of several pages is read to the end of the first: the rest is never told",
        CLOSING,
        "    if ledger.more:\n",
        "    if False:\n",
        BY_SLOW_EVIDENCE,
    ),
    Mutant(
        "cursor-stands-still",
        "the account's cursor is not moved on when an order ends: the next loop tells of the same entries again",
        CLOSING,
        "        turn.set_cursor(entry.venue, entry.account, found.cursor_after)\n",
        "",
        BY_EXECUTION_CASES,
    ),
    Mutant(
        "trades-of-a-rejected-order-are-hidden",
        "an order that counts as rejected or cancelled keeps that outcome though the ledger tells of its trades",
        CLOSING,
        '            outcome = "partially_filled"  # the ledger',
        "            outcome = outcome  # the ledger",
        BY_SLOW_EVIDENCE,
    ),
    Mutant(
        "vanished-order-did-nothing",
        "an order whose loop ended unknown, and that the venue once had shown, counts as undone when it is not found",
        WINDOW,
        "        if entry.found:  #",
        "        if entry.found and entry.status != 'unknown':  #",
        BY_WATCHING,
    ),
    Mutant(
        "unknown-is-resolved-by-a-late-answer",
        "an unknown order counts as undone by 'not found' that was told while it could still arrive",
        WATCHING,
        """    if verdict == "taken" or (verdict == "nothing_done" and""",
        """    if verdict in ("taken", "early") or (verdict == "nothing_done" and""",
        BY_CLOCKS,
    ),
    Mutant(
        "correction-tells-everything-again",
        "the correction of an unknown order holds what its loop's own reports held: counted twice",
        WATCHING,
        "    fresh = tuple(shown for shown in found.entries if shown.entry_id not in entry.reported_entries)\n",
        "    fresh = tuple(found.entries)\n",
        BY_WATCHING,
    ),
    Mutant(
        "operator-adds-instead-of-stating",
        "what an operator says was filled in all is added to what was told already",
        WATCHING,
        "                filled=filled - entry.filled_amount,\n",
        "                filled=filled,\n",
        BY_WATCHING,
    ),
    Mutant(
        "expired-broadcast-did-nothing",
        "a transaction that may have left, and has expired, counts as undone while its nonce is free",
        NONCE,
        "        return not entry.may_have_left\n\n    def pause_s",
        "        return True\n\n    def pause_s",
        BY_NONCES,
    ),
    Mutant(
        "fees-are-raised-after-expiry",
        "a transaction with higher fees leaves although its instruction has expired",
        "runners/performer.py",
        "                until = None if is_cancel(entry) else submit_by(entry.routed)\n",
        "                until = None\n",
        ("tests/unit/runners/test_performer.py",),
    ),
    Mutant(
        "latest-sibling-takes-a-new-nonce",
        "what is prepared after a nonce was too high is sent beside what may have left under it",
        NONCE,
        "        return too_high and not entry.may_have_left\n",
        "        return too_high\n",
        BY_NONCES,
    ),
    Mutant(
        "least-nonce-is-forgotten",
        "a node that lags is believed: the wallet's next transaction takes a nonce that is used already",
        NONCE,
        "        return held + 1 if held is not None",
        "        return held if held is not None",
        BY_NONCES,
    ),
    Mutant(
        "replacement-is-not-journalled",
        "a fee bump is sent and its hash is in no journal: a successor does not recognise it",
        "handlers/executor/submissions.py",
        "    return replace(entry, submissions=(*entry.submissions, one))\n",
        "    return replace(entry, submissions=(one,))\n",
        BY_NONCES,
    ),
    Mutant(
        "a-shallow-block-decides",
        "a nonce that a block uses which may still go away proves that none of ours can act",
        NONCE,
        "        if answer.settled_nonce > held:\n",
        "        if answer.nonce > held:\n",
        BY_CLOCKS,
    ),
)
