"""Slips in transfers: what travels, who tells of it, and when nobody may call it back."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

TRANSIT = "handlers/executor/transit.py"
TRANSFERS = "handlers/executor/transfers.py"
DEPOSITS = "handlers/executor/deposits.py"
LOOPS = ("tests/unit/testing/test_transfers.py",)
CASES = ("tests/contract/venues/test_transfers.py",)

MUTANTS = (
    Mutant(
        "debit-goes-nowhere",
        "what leaves the source is in no position until it arrives",
        TRANSIT,
        "    return replace(shown, deltas=(*shown.deltas, Delta(position_key=key, amount=amount, "
        'source="transfer")))\n',
        "    return shown\n",
        LOOPS,
    ),
    Mutant(
        "arrival-is-told-twice",
        "the destination's executor tells of an arrival that the transfer's own loop tells of",
        "handlers/executor/handler.py",
        "        turn.be_told(self.settings.lane.home, routed.account, routed.told)\n",
        "",
        LOOPS,
    ),
    Mutant(
        "counted-deposit-is-kept",
        "a deposit that was counted before its transfer was known stays counted: its arrival is added to it",
        DEPOSITS,
        "        if one is not None:\n            turn.context.delete",
        "        if False:\n            turn.context.delete",
        LOOPS,
    ),
    Mutant(
        "counted-deposit-is-taken-back-again",
        "each loop that is told of a transfer takes the same deposit back once more",
        DEPOSITS,
        "            turn.context.delete(_name(account, reference))\n"
        "            turn.forget_told(account, reference)\n",
        "",
        LOOPS,
    ),
    Mutant(
        "every-deposit-is-remembered",
        "an executor's state grows with each deposit",
        "handlers/latest.py",
        "    if len(kept) > most:\n",
        "    if False:\n",
        LOOPS,
    ),
    Mutant(
        "destination-waits-to-be-told",
        "a transfer that is found to have left is judged while its arrival is still counted as a deposit, too",
        "handlers/manager/ending.py",
        '    return goes_there and result.outcome == "unknown" and not turn.head.unlocated\n',
        "    return False\n",
        LOOPS,
    ),
    Mutant(
        "told-for-ever",
        "the manager tells of the same arrival with every loop: a later deposit under that name is lost",
        "handlers/manager/dispatch.py",
        "    transfers.are_told(turn, slot.account)\n",
        "",
        ("tests/unit/handlers/manager/test_transfers.py",),
    ),
    Mutant(
        "debit-frees-on-arrival-too",
        "the slot of every transfer is free before the money has arrived",
        TRANSIT,
        '    return transfer is not None and transfer.release == "on_debit"\n',
        "    return transfer is not None\n",
        LOOPS,
    ),
    Mutant(
        "forgotten-after-its-debit",
        "a transfer that frees its slot at the debit is not followed to its end",
        "handlers/executor/closing.py",
        '    if transit.is_under_way(entry) and outcome == "filled" and entry.transit and entry.transit.amount:\n',
        "    if False:\n",
        LOOPS,
    ),
    Mutant(
        "overdue-is-waited-for",
        "a transfer that does not arrive holds its slot for ever",
        TRANSFERS,
        "    return turn.now >= under_way.arrive_by\n",
        "    return False\n",
        LOOPS,
    ),
    Mutant(
        "what-was-charged-on-the-way-travels-on",
        "what did not arrive, because it was charged on the way, stays in transit",
        TRANSIT,
        "    if transit is not None and missing:  # what is more than travelled was somebody else's\n",
        "    if False:\n",
        LOOPS,
    ),
    Mutant(
        "what-has-left-is-cancelled",
        "a cancel, or its expiry, ends a transfer that is under way",
        "handlers/executor/intents.py",
        "    if transit.is_under_way(entry) or transit.is_of_exchange(entry):\n",
        "    if False:\n",
        LOOPS,
    ),
    Mutant(
        "destination-is-not-adopted",
        "money goes to an account whose holdings nobody has taken over",
        "handlers/manager/first_in_queue.py",
        "    for account in (queued.account, destination(turn, queued)):\n",
        "    for account in (queued.account,):\n",
        LOOPS,
    ),
    Mutant(
        "destination-is-not-verified",
        "what accrued at the destination meanwhile halts the key",
        "handlers/manager/ending.py",
        "    return (*slot.remaining, slot.destination)\n",
        "    return slot.remaining\n",
        LOOPS,
    ),
    Mutant(
        "arrival-moves-the-source-s-mark",
        "the destination's sequence counts as the source's: its snapshots are never new enough",
        TRANSIT,
        "        sequence=None,\n",
        "        sequence=10**6,\n",
        LOOPS,
    ),
    Mutant(
        "settled-while-money-travels",
        "the loop of money under way is forgotten after a while: its arrival is refused",
        "handlers/positions/reported.py",
        "    return is_whole and not loop.in_transit  # its arrival is told by one report more\n",
        "    return is_whole\n",
        ("tests/unit/handlers/positions/test_transfers.py",),
    ),
    Mutant(
        "credited-too-early",
        "an exchange credits what the chain may still take back",
        "venues/sim/network.py",
        "    return depth >= least\n",
        "    return depth >= 1\n",
        CASES,
    ),
    Mutant(
        "given-back-twice",
        "the money of a withdrawal that failed comes back with every look",
        "venues/sim/withdrawals.py",
        "        self._failing[account.name].remove(client_order_id)\n",
        "",
        CASES,
    ),
    Mutant(
        "another-strategy-s-account",
        "money is sent to an account of another strategy",
        "domain/transfers.py",
        "    own = [one for lane in lanes for one in directory.accounts_of(strategy_id, lane)]\n",
        "    own = [one for lane in lanes for name in (strategy_id, *directory.accounts.values()) "
        "for one in directory.accounts_of(name, lane)]\n",
        LOOPS,
    ),
    Mutant(
        "margin-leaves-with-its-position",
        "margin that a position needs leaves the exchange's derivatives wallet",
        "venues/sim/withdrawals.py",
        '            if free < command.amount:\n                raise VenueError("insufficient_margin"',
        '            if False:\n                raise VenueError("insufficient_margin"',
        CASES,
    ),
)
