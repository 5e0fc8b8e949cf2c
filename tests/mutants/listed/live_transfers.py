"""Slips in transfers of live exchanges, and of their sandbox."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

TRANSFERS = "venues/live/transfers.py"
PREPARING = "venues/live/preparing_transfers.py"
BINANCE = "venues/live/binance_transfers.py"
RIGHTS = "venues/live/binance_rights.py"
INCOME = "venues/live/binance_income.py"
LIMITS = "venues/live/binance_limits.py"
CAPITAL = "venues/dialects/binance/capital.py"
BY_CASES = ("tests/contract/venues/test_live_transfers.py",)
BY_MOVEMENTS = ("tests/contract/venues/test_live_movements.py",)
BY_ANSWERS = ("tests/unit/venues/live/test_binance_transfers.py",)
BY_OPENING = ("tests/unit/venues/live/test_binance_opening.py",)
BY_INCOME = ("tests/unit/venues/live/test_binance_income.py",)
BY_BUDGET = ("tests/unit/venues/live/test_budget.py",)
BY_SANDBOX = ("tests/integration/venues/test_binance_sandbox.py",)

MUTANTS = (
    Mutant(
        "live-withdrawal-to-anywhere",
        "an address that the lane does not name is prepared",
        PREPARING,
        "    if not is_allowed(lane, transfer.destination):\n",
        "    if False:\n",
        BY_CASES,
    ),
    Mutant(
        "live-withdrawal-is-not-checked-again",
        "what was prepared under another list of addresses is sent",
        TRANSFERS,
        "    if what.address is not None and not is_allowed(lane, what.address):\n",
        "    if False:\n",
        BY_CASES,
    ),
    Mutant(
        "live-address-in-other-letters",
        "an address in capitals is another one than the lane names",
        TRANSFERS,
        '    return address.lower() if address.startswith("0x") else address\n',
        "    return address\n",
        BY_CASES,
    ),
    Mutant(
        "live-history-never-lags",
        "a transfer that a history does not show yet counts as not made",
        TRANSFERS,
        "        counts_at = times.until + timedelta(seconds=HISTORY_LAG_S)\n",
        "        counts_at = times.until\n",
        BY_ANSWERS,
    ),
    Mutant(
        "live-movement-is-any-of-several",
        "of two movements that are alike the first is taken for this one",
        TRANSFERS,
        "    if len(alike) > 1:\n",
        "    if False:\n",
        BY_MOVEMENTS,
    ),
    Mutant(
        "live-movements-follow-each-other",
        "what was sent a moment ago, and may not be in the history yet, holds no movement like it back",
        PREPARING,
        "    if may_act_until is not None and now < may_act_until + clocks:\n",
        "    if False:\n",
        BY_MOVEMENTS,
    ),
    Mutant(
        "live-movements-follow-a-restart",
        "a movement like one that the history shows is prepared at once",
        PREPARING,
        "    if alike:\n",
        "    if False:\n",
        BY_MOVEMENTS,
    ),
    Mutant(
        "live-movement-in-doubt-is-forgotten",
        "a movement of which nobody knows whether it acted holds none like it back",
        TRANSFERS,
        "    return isinstance(answer, Refused | NotSent | GateClosed)\n",
        "    return not isinstance(answer, str)\n",
        BY_MOVEMENTS,
    ),
    Mutant(
        "live-movement-counts-before-it-is-done",
        "a movement that is pending, or failed, counts as done",
        TRANSFERS,
        '        if found.status != "filled":\n',
        "        if False:\n",
        BY_ANSWERS,
    ),
    Mutant(
        "live-withdrawal-keeps-what-came-back",
        "a withdrawal that failed stays debited",
        TRANSFERS,
        '    if found.status != "reverted":\n',
        "    if True:\n",
        BY_ANSWERS,
    ),
    Mutant(
        "live-withdrawal-of-another-sum",
        "sent and fee may be anything",
        TRANSFERS,
        "    if asked != what.amount:\n",
        "    if False:\n",
        BY_ANSWERS,
    ),
    Mutant(
        "live-withdrawal-is-told-twice",
        "of two withdrawals with one id the first is taken for the only one",
        TRANSFERS,
        "    if len(alike) > 1 and has_id(what, of):\n",
        "    if len(alike) > 1 and has_id(what, of):\n        alike = alike[:1]\n    if False:\n",
        BY_CASES,
    ),
    Mutant(
        "live-withdrawal-of-any-week",
        "a withdrawal is looked for among the last week's alone",
        BINANCE,
        '        given = {"withdrawOrderId": client_order_id, "startTime": milliseconds(since), '
        '"endTime": milliseconds(until)}\n',
        '        given = {"withdrawOrderId": client_order_id}\n',
        BY_ANSWERS,
    ),
    Mutant(
        "live-withdrawal-out-of-any-wallet",
        "a withdrawal leaves from the wallet that the account prefers",
        BINANCE,
        '            "walletType": SPOT_WALLET,\n',
        "",
        BY_ANSWERS,
    ),
    Mutant(
        "live-deposit-before-it-is-released",
        "a deposit that waits for the travel rule's questions has arrived",
        BINANCE,
        ' or str(row.get("travelRuleStatus", "0")) != "0"',
        "",
        BY_ANSWERS,
    ),
    Mutant(
        "live-deposit-in-any-wallet",
        "a deposit in the funding wallet counts as one in the spot wallet",
        BINANCE,
        '        if str(row["walletType"]) != SPOT_WALLET:\n',
        "        if False:\n",
        BY_ANSWERS,
    ),
    Mutant(
        "live-address-without-its-tag",
        "an address that needs a tag is given out without it",
        BINANCE,
        '        return None if told.get("tag") else str(told["address"])\n',
        '        return str(told["address"])\n',
        BY_ANSWERS,
    ),
    Mutant(
        "live-reading-key-may-move-money",
        "a key that is to read only may move money between wallets",
        RIGHTS,
        "        if not trades and told.get(moves):\n",
        "        if False:\n",
        BY_OPENING,
    ),
    Mutant(
        "live-lane-without-the-right-to-withdraw",
        "a lane that names addresses opens with a key that may not withdraw",
        RIGHTS,
        '    if trades and withdraws and market == "spot" and not may_withdraw:\n',
        "    if False:\n",
        BY_OPENING,
    ),
    Mutant(
        "live-movement-is-income-too",
        "what moved between the wallets is told by the futures' ledger again",
        INCOME,
        '("REALIZED_PNL", "COMMISSION", "TRANSFER")',
        '("REALIZED_PNL", "COMMISSION")',
        BY_INCOME,
    ),
    Mutant(
        "live-withdrawals-are-asked-about-for-nothing",
        "questions about withdrawals are not counted by their account",
        LIMITS,
        "        if _by_account(asked):\n            return (Charge(",
        "        if False:\n            return (Charge(",
        BY_BUDGET,
    ),
    Mutant(
        "sandbox-tells-of-withdrawals-with-their-fee",
        "the history's amount is what was asked for, and not what was sent",
        CAPITAL,
        '        "amount": f"{command.amount - fee:f}",\n',
        '        "amount": f"{command.amount:f}",\n',
        BY_SANDBOX,
    ),
)
