"""Slips in the adapter of Bybit."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

BYBIT = "venues/live/bybit.py"
LOG = "venues/live/bybit_log.py"
WINDOWS = "venues/live/log_windows.py"
TRADES = "venues/live/bybit_trades.py"
LIMITS = "venues/live/bybit_limits.py"
CASES = "tests/contract/venues/test_live_exchanges.py"
BY_UNIT = ("tests/unit/venues/live/test_bybit.py",)
BY_LOG = ("tests/unit/venues/live/test_bybit_log.py",)
BY_PROFITS = ("tests/unit/venues/live/test_bybit_trades.py",)
BY_WINDOWS = ("tests/unit/venues/live/test_log_windows.py",)
BY_TRADES = (f"{CASES}::test_case_01_a_market_buy_is_filled_and_its_deltas_are_complete[bybit]",)
BY_LEDGER = (f"{CASES}::test_case_17_funding_is_told_by_the_ledger_once_and_late_entries_are_not_missed[bybit]",)
BY_KINDS = (f"{CASES}::test_case_12_each_time_in_force_fills_rests_or_cancels_as_it_says[bybit]",)
BY_HEDGE_MODE = (f"{CASES}::test_case_162_a_lane_in_hedge_mode_is_not_opened[bybit]",)
BY_WINDOW = (f"{CASES}::test_case_44_a_request_later_than_the_acceptance_window_never_acts[bybit-spot]",)
BY_CASES = (CASES, "-k", "bybit")

MUTANTS = (
    Mutant(
        "what-bybit-s-trades-did-counts-twice",
        "the transaction log tells of trades that the order's loop has told of",
        LOG,
        'row["type"] == _OF_TRADES, row)',
        "False, row)",
        BY_LOG,
    ),
    Mutant(
        "bybit-s-funding-is-a-transfer",
        "funding is booked as money that was moved",
        LOG,
        '    if kind == "SETTLEMENT":\n        return "funding", "funding"\n',
        "",
        BY_LEDGER,
    ),
    Mutant(
        "a-ledger-told-by-time-comes-twice",
        "what was seen in the overlap is booked again",
        WINDOWS,
        "[row.told for row in told if name_of(row.id) not in before.seen]",
        "[row.told for row in told]",
        BY_WINDOWS,
    ),
    Mutant(
        "late-entries-of-a-ledger-told-by-time-are-missed",
        "a cursor goes on to now, and what shows up late lies before it",
        WINDOWS,
        "milliseconds(end if more else settled)",
        "milliseconds(end if more else now)",
        BY_WINDOWS,
    ),
    Mutant(
        "a-short-position-at-bybit-is-a-long-one",
        "positions are compared with the wrong sign",
        BYBIT,
        'held[key] = -size if one["side"] == "Sell" else size',
        "held[key] = size",
        BY_CASES,
    ),
    Mutant(
        "hedge-mode-at-bybit-goes-unseen",
        "an account in hedge mode is traded",
        BYBIT,
        '            if str(one["positionIdx"]) != "0":\n                raise ExecutionError(',
        "            if False:\n                raise ExecutionError(",
        BY_HEDGE_MODE,
    ),
    Mutant(
        "former-orders-at-bybit-are-not-asked-for",
        "an order that is over for a while counts as one that never was",
        BYBIT,
        '            ("privateGetV5OrderHistory", {}),\n',
        "",
        BY_UNIT,
    ),
    Mutant(
        "orders-that-closed-lately-at-bybit-are-not-asked-for",
        "an order that has just filled is looked for in the history alone, which lags",
        BYBIT,
        '            ("privateGetV5OrderRealtime", {"openOnly": 1}),\n',
        "",
        BY_UNIT,
    ),
    Mutant(
        "a-post-only-order-at-bybit-may-take",
        "a maker's order takes liquidity and pays the taker's fee",
        BYBIT,
        '{"PO": "PostOnly"}.get(order.time_in_force, order.time_in_force)',
        '{"PO": "GTC"}.get(order.time_in_force, order.time_in_force)',
        BY_KINDS,
    ),
    Mutant(
        "a-reduce-only-order-at-bybit-opens-a-position",
        "what was to close a position opens one",
        BYBIT,
        'given |= {"positionIdx": 0, "reduceOnly": order.reduce_only}',
        'given |= {"positionIdx": 0, "reduceOnly": False}',
        BY_CASES,
    ),
    Mutant(
        "a-market-order-at-bybit-is-by-value",
        "so many coins are taken for so much of the quote",
        BYBIT,
        '"baseCoin" if order.amount is not None else "quoteCoin"',
        '"quoteCoin"',
        BY_TRADES,
    ),
    Mutant(
        "an-order-at-bybit-acts-beyond-its-window",
        "a request that was under way for long acts all the same",
        BYBIT,
        '                    "recvWindow": int(lane.acceptance_window_s * 1000),\n',
        '                    "recvWindow": 60_000,\n',
        BY_WINDOW,
    ),
    Mutant(
        "a-fee-at-bybit-is-in-the-quote",
        "a fee that was taken in another coin is booked on the quote's balance",
        TRADES,
        'told.get("feeCurrency") or _usual_fee_asset(order)',
        "order.symbol.partition('/')[2].rpartition(':')[2] or order.symbol",
        BY_TRADES,
    ),
    Mutant(
        "what-a-trade-at-bybit-realised-is-lost",
        "a trade whose profit the log does not show yet counts as one without any",
        TRADES,
        "    if missing:\n",
        "    if False:\n",
        BY_PROFITS,
    ),
    Mutant(
        "an-address-that-bybit-refuses-goes-on",
        "after a 403 requests go on, and the address stays refused",
        LIMITS,
        '"403": 600.0, "HTTP 403": 600.0}',
        '"403": None, "HTTP 403": None}',
        BY_UNIT,
    ),
    Mutant(
        "a-clock-that-is-ahead-of-bybit-s-is-late",
        "a clock that is ahead is told as a request that took too long",
        BYBIT,
        "    if times is not None and int(times[1]) > int(times[2]):\n",
        "    if False:\n",
        BY_UNIT,
    ),
)
