"""Slips in the adapter of OKX."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

OKX = "venues/live/okx.py"
BILLS = "venues/live/okx_bills.py"
TRADES = "venues/live/okx_trades.py"
LIMITS = "venues/live/okx_limits.py"
STREAMS = "venues/live/okx_streams.py"
WINDOWS = "venues/live/log_windows.py"
BY_WINDOWS = ("tests/unit/venues/live/test_log_windows.py",)
BY_UNIT = ("tests/unit/venues/live/test_okx.py",)
BY_ENTRIES = ("tests/unit/venues/live/test_okx_entries.py",)

MUTANTS = (
    Mutant(
        "what-okx-s-trades-did-counts-twice",
        "the bills tell of trades that the order's loop has told of",
        BILLS,
        'row["type"] == _OF_TRADES, row)',
        "False, row)",
        BY_ENTRIES,
    ),
    Mutant(
        "okx-s-old-bills-are-not-looked-for",
        "what accrued more than a week ago is not told",
        BILLS,
        "if REACH.is_recent(start, now) else",
        "if True else",
        (*BY_ENTRIES, "tests/contract/venues/test_live_ledgers.py"),
    ),
    Mutant(
        "okx-s-archive-tells-of-today",
        "what accrued today is asked of a list that may not have it yet",
        WINDOWS,
        "        end = min(end, now - reach.recent + BETWEEN_LISTS)\n",
        "        end = min(end, now)\n",
        BY_WINDOWS,
    ),
    Mutant(
        "what-a-ledger-has-forgotten-is-not-said",
        "a place that lies before all that an exchange keeps is asked for, and nobody hears that it is gone",
        "venues/live/cursors.py",
        "    if place.from_ms >= earliest:\n",
        "    if True:\n",
        BY_WINDOWS,
    ),
    Mutant(
        "an-idle-futures-wallet-s-place-ages",
        "after three months without income a ledger seems to have been forgotten",
        "venues/live/binance_income.py",
        "    settled = max(latest - OVERLAP_MS, milliseconds(now - A_WEEK))\n",
        "    settled = latest - OVERLAP_MS\n",
        ("tests/unit/venues/live/test_binance_income.py",),
    ),
    Mutant(
        "okx-s-funding-is-a-transfer",
        "funding is booked as money that was moved",
        BILLS,
        '    if kind == _FUNDING:\n        return "funding", "funding"\n',
        "",
        BY_ENTRIES,
    ),
    Mutant(
        "what-okx-liquidates-moves-contracts",
        "a position that was closed by force moves by a hundred times its size",
        BILLS,
        'money.tidy(abs(Decimal(row["sz"])) * Decimal(market["contractSize"]))',
        'money.tidy(abs(Decimal(row["sz"])))',
        BY_ENTRIES,
    ),
    Mutant(
        "what-okx-liquidates-grows",
        "a long position that was closed by force is twice as long",
        BILLS,
        'moved if row["subType"] in _BUYS else -moved',
        'moved if row["subType"] not in _BUYS else -moved',
        BY_ENTRIES,
    ),
    Mutant(
        "okx-s-trades-are-contracts",
        "a trade of a perpetual is booked at a hundred times its amount",
        TRADES,
        '    amount = money.tidy(Decimal(told["fillSz"]) * size)\n',
        '    amount = Decimal(told["fillSz"])\n',
        BY_ENTRIES,
    ),
    Mutant(
        "okx-s-fees-are-rebates",
        "each fee is booked as money received",
        TRADES,
        '        fee=-Decimal(told["fee"] or "0"),\n',
        '        fee=Decimal(told["fee"] or "0"),\n',
        BY_ENTRIES,
    ),
    Mutant(
        "okx-s-older-trades-are-not-looked-for",
        "an order of last week has no trades",
        TRADES,
        '        told = await _pages(session, "privateGetTradeFillsHistory", given)\n',
        "        pass\n",
        BY_ENTRIES,
    ),
    Mutant(
        "okx-s-first-page-of-trades-is-all",
        "an order with many trades has a hundred",
        TRADES,
        "        if len(told) < PAGE:\n",
        "        if True:\n",
        BY_ENTRIES,
    ),
    Mutant(
        "trades-of-another-order-at-okx-are-its-own",
        "what another order traded is booked for this one",
        TRADES,
        ' if one["ordId"] == given["ordId"]}',
        "}",
        BY_ENTRIES,
    ),
    Mutant(
        "okx-s-hedge-mode-is-not-seen",
        "a lane opens on an account whose positions are not net",
        OKX,
        '        if account["posMode"] != "net_mode":\n',
        "        if False:\n",
        BY_ENTRIES,
    ),
    Mutant(
        "an-okx-key-that-withdraws-is-taken",
        "a key that may withdraw is used where nothing is withdrawn",
        "venues/live/okx_rights.py",
        'check_withdrawing(venue, "withdraw" in rights, ',
        "check_withdrawing(venue, False, ",
        BY_ENTRIES,
    ),
    Mutant(
        "an-order-to-okx-has-no-end",
        "an order acts up to 30 s after it was given up",
        OKX,
        "        if acts:\n",
        "        if False:\n",
        BY_UNIT,
    ),
    Mutant(
        "okx-s-refusal-of-an-order-is-the-request-s",
        "why an order was refused is not told",
        OKX,
        '    for one in answer.get("data") or ():\n',
        "    for one in ():\n",
        BY_UNIT,
    ),
    Mutant(
        "an-order-that-okx-cancelled-just-ended",
        "a post-only order that OKX ended seems to have been cancelled by somebody",
        OKX,
        'told.get("cancelSource") == _WOULD_TAKE',
        'told.get("cancelSource") == "nobody"',
        BY_ENTRIES,
    ),
    Mutant(
        "okx-s-instruments-share-a-limit",
        "orders of one instrument hold up those of another",
        LIMITS,
        'str(asked.given.get("instId", ""))), _BY_INSTRUMENT[name]',
        '""), _BY_INSTRUMENT[name]',
        BY_UNIT,
    ),
    Mutant(
        "okx-s-stream-tells-of-what-is-known",
        "each order that is placed is asked about at once",
        STREAMS,
        ' and one["state"] not in _NOTHING_NEW]',
        "]",
        BY_UNIT,
    ),
)
