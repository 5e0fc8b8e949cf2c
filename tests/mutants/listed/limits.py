"""Slips in the limits before dispatch: what is measured, and what is remembered of it."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

JUDGING = "handlers/manager/limits/judging.py"
MEASURING = "handlers/manager/limits/measuring.py"
USE = "handlers/manager/limits/use.py"
BEFORE_DISPATCH = "handlers/manager/limits/before_dispatch.py"
WORTH = "handlers/manager/limits/worth.py"
TESTS = ("tests/unit/handlers/manager/test_limits.py",)

MUTANTS = (
    Mutant(
        "one-order-more-than-the-rate",
        "within the window of an order rate one more is dispatched",
        JUDGING,
        "        if lately >= rate.orders:\n",
        "        if lately > rate.orders:\n",
        TESTS,
    ),
    Mutant(
        "daily-notional-forgets-the-day",
        "the day's notional is that of the latest instruction alone",
        USE,
        "money.CONTEXT.add(dispatched_today(used, now), notional)",
        "notional",
        TESTS,
    ),
    Mutant(
        "legs-are-measured-alone",
        "the legs of a group do not count each other along",
        JUDGING,
        "        used = use.with_dispatched(",
        "        use.with_dispatched(",
        TESTS,
    ),
    Mutant(
        "what-is-unknown-is-not-open",
        "an instruction whose outcome is unknown counts as ended",
        "handlers/manager/turn.py",
        'if self.settings.limits is not None and result.outcome != "unknown":',
        "if self.settings.limits is not None:",
        TESTS,
    ),
    Mutant(
        "limit-price-lowers-the-notional",
        "a limit below the market makes an order's notional smaller",
        MEASURING,
        "max(market, trade.price or market))\n        return",
        "trade.price or market)\n        return",
        TESTS,
    ),
    Mutant(
        "old-prices-are-prices",
        "market data counts as a price however old it is",
        WORTH,
        "        if age > most:\n",
        "        if age > 1e9 * most:\n",
        TESTS,
    ),
    Mutant(
        "reducing-is-refused-above-the-bound",
        "what makes a position smaller is refused while that is above its bound",
        JUDGING,
        " and abs(after) > abs(before):",
        ":",
        TESTS,
    ),
    Mutant(
        "nothing-is-booked",
        "what is dispatched is not written down as used",
        BEFORE_DISPATCH,
        "    if used != before:\n",
        "    if used is None:\n",
        TESTS,
    ),
    Mutant(
        "wrong-answer-is-taken",
        "prices of other markets than those that were asked about are taken for an answer",
        BEFORE_DISPATCH,
        "        return set(markets) <= {(one.venue, one.symbol) for one in read.prices}\n",
        "        return True\n",
        TESTS,
    ),
    Mutant(
        "collar-on-the-wrong-side",
        "the collar stops the price that only waits, and lets the one through that costs",
        JUDGING,
        '{"above": away, "below": -away,',
        '{"above": -away, "below": away,',
        TESTS,
    ),
)
