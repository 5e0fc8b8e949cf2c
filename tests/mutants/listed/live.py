"""Slips in the adapters of live exchanges."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

SESSION = "venues/live/session.py"
EXCHANGE = "venues/live/exchange.py"
ATTEMPTS = "venues/live/attempts.py"
VERDICTS = "venues/live/verdicts.py"
BINANCE = "venues/live/binance.py"
TRADES = "venues/live/trade_entries.py"
INCOME = "venues/live/binance_income.py"
LISTING = "venues/live/listing.py"
BY_SESSION = ("tests/unit/venues/live/test_session.py",)
BY_ORDERS = ("tests/unit/venues/live/test_binance_orders.py",)
BY_VERDICTS = ("tests/unit/venues/live/test_binance_verdicts.py",)
BY_INCOME = ("tests/unit/venues/live/test_binance_income.py",)
BY_OPENING = ("tests/unit/venues/live/test_binance_opening.py",)
BY_PREPARING = ("tests/unit/venues/live/test_preparing.py",)

BUDGET = "venues/live/budget.py"
LIMITS = "venues/live/binance_limits.py"
STREAM = "venues/live/binance_streams.py"
HINTS = "runners/hints.py"
BY_BUDGET = ("tests/unit/venues/live/test_budget.py",)
BY_STREAM = ("tests/unit/venues/live/test_stream.py",)
BY_HINTS = ("tests/unit/runners/test_hints.py",)

MUTANTS = (
    Mutant(
        "a-live-cancel-has-no-room-kept",
        "questions about positions may use up a whole bucket",
        BUDGET,
        '{"background": 0.6, "order": 0.8, "evidence": 0.9, "cancel": 0.95}',
        '{"background": 0.95, "order": 0.95, "evidence": 0.95, "cancel": 0.95}',
        BY_BUDGET,
    ),
    Mutant(
        "a-live-limit-counts-from-zero-too-soon",
        "what was spent comes back before its interval is over",
        BUDGET,
        "        back_at = math.ceil((now + self._interval_s) / width) * width\n",
        "        back_at = math.floor((now + self._interval_s / 2) / width) * width\n",
        BY_BUDGET,
    ),
    Mutant(
        "a-live-order-goes-on-after-a-ban",
        "a 429 or a ban holds nothing back",
        BUDGET,
        "        self._quiet_until = max(self._quiet_until, now + retry_after_s)\n",
        "        self._quiet_until = now\n",
        BY_BUDGET,
    ),
    Mutant(
        "a-live-order-is-held-behind-its-window",
        "an order waits for room like a question",
        BUDGET,
        "            if acts or now - began + wait_s > LONGEST_QUESTION_S:\n",
        "            if now - began + wait_s > LONGEST_QUESTION_S:\n",
        BY_BUDGET,
    ),
    Mutant(
        "a-live-address-does-not-hear-of-others",
        "the weights that an exchange tells are not counted",
        LIMITS,
        "                    bucket.told(float(used), now)\n",
        "                    pass\n",
        BY_BUDGET,
    ),
    Mutant(
        "too-many-live-orders-hold-back-cancels",
        "-1015 counts against the address",
        LIMITS,
        "        return self._orders(asked) if code == TOO_MANY_ORDERS else self._weights(asked)\n",
        "        return self._weights(asked)\n",
        BY_BUDGET,
    ),
    Mutant(
        "a-live-stream-is-heard-of-new-orders",
        "each order that is placed is asked about once more",
        STREAM,
        '        if event.get("e") != "executionReport" or event["x"] in _NOTHING_NEW:\n',
        '        if event.get("e") != "executionReport":\n',
        BY_STREAM,
    ),
    Mutant(
        "a-hint-is-lost-while-its-order-is-asked-about",
        "what came during a question does not count after it",
        HINTS,
        "            self._heard_meanwhile.add(client_order_id)\n            return\n",
        "            return\n",
        BY_HINTS,
    ),
    Mutant(
        "a-live-order-passes-no-gate",
        "a request is signed by the clock, whatever the gate says",
        SESSION,
        "            at = self._clock() if gate is None else gate.pass_through()\n",
        "            at = self._clock()\n",
        BY_SESSION,
    ),
    Mutant(
        "a-live-order-without-an-answer-was-not-sent",
        "a lost answer is taken for a request that never left",
        ATTEMPTS,
        "    except Broken as error:\n        return Ambiguous(str(error))\n",
        "    except Broken as error:\n        return NotSent(UNAVAILABLE, str(error), RETRY_S)\n",
        BY_ORDERS,
    ),
    Mutant(
        "a-live-refusal-that-nobody-knows-is-one",
        "a code that no row has counts as a refusal",
        VERDICTS,
        '        return Row((), "unknown", UNKNOWN, "no row of the table knows it")\n',
        '        return Row((), "refused", UNKNOWN, "no row of the table knows it")\n',
        BY_VERDICTS,
    ),
    Mutant(
        "a-live-order-is-over-before-its-trades-are-shown",
        "an order's end is reported without what it did",
        EXCHANGE,
        '        if shown.status != "open" and traded != shown.filled:\n',
        "        if False:\n",
        BY_ORDERS,
    ),
    Mutant(
        "another-live-orders-answer-is-taken",
        "an answer about another order counts as evidence of this one",
        EXCHANGE,
        "        if isinstance(shown, Shown | Accepted) and shown.client_order_id != entry.client_order_id:\n",
        "        if False:\n",
        BY_ORDERS,
    ),
    Mutant(
        "live-income-is-told-twice",
        "what was seen in the overlap comes again",
        INCOME,
        "    fresh = [one for one in rows if _name(one) not in before.seen]\n",
        "    fresh = rows\n",
        BY_INCOME,
    ),
    Mutant(
        "late-live-income-is-missed",
        "the ledger is read from its latest entry on",
        INCOME,
        "latest if more else settled",
        "latest",
        BY_INCOME,
    ),
    Mutant(
        "a-live-rebate-is-charged",
        "a negative fee lessens the balance",
        TRADES,
        'Delta(position_key=balance(fee_asset), amount=-fee, source="fee")',
        'Delta(position_key=balance(fee_asset), amount=-abs(fee), source="fee")',
        BY_ORDERS,
    ),
    Mutant(
        "a-live-key-may-withdraw",
        "a key with the right to withdraw is taken",
        "venues/live/rights.py",
        "    if may and not (trades and withdraws):\n",
        "    if False:\n",
        BY_OPENING,
    ),
    Mutant(
        "live-hedge-mode-goes-unseen",
        "an account in hedge mode is traded",
        BINANCE,
        '        if str(mode["dualSidePosition"]).lower() != "false":\n',
        "        if False:\n",
        BY_OPENING,
    ),
    Mutant(
        "live-contracts-are-taken-for-base-units",
        "the step of contracts is taken for one of base units",
        LISTING,
        '_missing(market, "amount")) * size,\n',
        '_missing(market, "amount")),\n',
        BY_PREPARING,
    ),
)
