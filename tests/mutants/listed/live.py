"""Slips in the adapters of live exchanges."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

SESSION = "venues/live/session.py"
EXCHANGE = "venues/live/exchange.py"
VERDICTS = "venues/live/verdicts.py"
BINANCE = "venues/live/binance.py"
TRADES = "venues/live/binance_trades.py"
INCOME = "venues/live/binance_income.py"
LISTING = "venues/live/listing.py"
BY_SESSION = ("tests/unit/venues/live/test_session.py",)
BY_ORDERS = ("tests/unit/venues/live/test_binance_orders.py",)
BY_VERDICTS = ("tests/unit/venues/live/test_binance_verdicts.py",)
BY_INCOME = ("tests/unit/venues/live/test_binance_income.py",)
BY_OPENING = ("tests/unit/venues/live/test_binance_opening.py",)
BY_PREPARING = ("tests/unit/venues/live/test_preparing.py",)

MUTANTS = (
    Mutant(
        "a-live-order-passes-no-gate",
        "a request is signed by the clock, whatever the gate says",
        SESSION,
        "            made = signed(self._clock() if gate is None else gate.pass_through())\n",
        "            made = signed(self._clock())\n",
        BY_SESSION,
    ),
    Mutant(
        "a-live-order-without-an-answer-was-not-sent",
        "a lost answer is taken for a request that never left",
        EXCHANGE,
        "        except Broken as error:\n            return Ambiguous(str(error))\n",
        "        except Broken as error:\n            return NotSent(UNAVAILABLE, str(error), RETRY_S)\n",
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
        "        if shown.client_order_id != entry.client_order_id:\n            return Ambiguous(",
        "        if False:\n            return Ambiguous(",
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
        "latest if more else latest - OVERLAP_MS",
        "latest",
        BY_INCOME,
    ),
    Mutant(
        "a-live-rebate-is-charged",
        "a negative fee lessens the balance",
        TRADES,
        'Delta(position_key=key, amount=-fee, source="fee")',
        'Delta(position_key=key, amount=-abs(fee), source="fee")',
        BY_ORDERS,
    ),
    Mutant(
        "a-live-key-may-withdraw",
        "a key with the right to withdraw is taken",
        BINANCE,
        '        if told["enableWithdrawals"]:\n',
        "        if False:\n",
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
