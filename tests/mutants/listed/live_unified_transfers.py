"""Slips in transfers of live exchanges with one balance of a coin, and of their sandboxes."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

TRANSFERS = "venues/live/transfers.py"
PREPARING = "venues/live/preparing_transfers.py"
SESSION = "venues/live/session.py"
BYBIT = "venues/live/bybit_transfers.py"
BYBIT_LOG = "venues/live/bybit_log.py"
BYBIT_PAIRS = "venues/live/bybit_pairs.py"
BYBIT_RIGHTS = "venues/live/bybit_rights.py"
BYBIT_CAPITAL = "venues/dialects/bybit/capital.py"
OKX = "venues/live/okx_transfers.py"
OKX_ACCOUNT = "venues/live/okx.py"
OKX_BILLS = "venues/live/okx_bills.py"
RIGHTS = "venues/live/rights.py"
BY_FUNDING = ("tests/contract/venues/test_live_funding.py",)
BY_OKX = ("tests/unit/venues/live/test_okx_transfers.py", "tests/unit/venues/live/test_okx_funding.py")
BY_OKX_SANDBOX = ("tests/integration/venues/test_okx_funding.py",)
BY_RIGHTS = ("tests/unit/venues/live/test_wallet_rights.py",)
BY_CASES = ("tests/contract/venues/test_live_transfers.py",)
BY_BYBIT = ("tests/unit/venues/live/test_bybit_transfers.py", "tests/unit/venues/live/test_bybit_deposits.py")
BY_BYBIT_SANDBOX = ("tests/integration/venues/test_bybit_sandbox.py",)

MUTANTS = (
    Mutant(
        "live-withdrawal-without-an-id-is-any-of-several",
        "of two withdrawals to one address the first is taken for this one",
        TRANSFERS,
        "    if len(alike) > 1:\n",
        "    if False:\n",
        BY_CASES,
    ),
    Mutant(
        "live-withdrawals-without-an-id-follow-each-other",
        "a withdrawal whose id no history shows is prepared while one like it may act yet",
        PREPARING,
        "            if has_id(found, of):\n",
        "            if found.address is not None:\n",
        BY_CASES,
    ),
    Mutant(
        "live-withdrawals-are-told-apart-by-their-amount",
        "a withdrawal of another amount, which a history may show with its fee or without it, holds none back",
        TRANSFERS,
        "        return what.source, _plain(what.address), what.asset, None\n",
        "        return what.source, _plain(what.address), what.asset, what.amount\n",
        BY_CASES,
    ),
    Mutant(
        "live-withdrawal-on-any-network",
        "of several networks, none of which is the usual one, the first is taken",
        PREPARING,
        "        if usual:\n            return usual[0]\n",
        "        if True:\n            return (usual or networks)[0]\n",
        BY_BYBIT,
    ),
    Mutant(
        "live-withdrawal-with-a-share-as-its-fee",
        "a network that takes a share of the amount is withdrawn on, by its fixed fee",
        PREPARING,
        "    if network.fee_share:\n",
        "    if False:\n",
        BY_BYBIT,
    ),
    Mutant(
        "live-parameter-is-not-of-the-signed-time",
        "a withdrawal's own time is that of its preparation",
        SESSION,
        "value(at) if callable(value) else value",
        "value(self._clock()) if callable(value) else value",
        BY_BYBIT,
    ),
    Mutant(
        "bybit-withdrawal-out-of-the-funding-account",
        "a withdrawal leaves the funding account, which is no position",
        BYBIT,
        '"accountType": "UTA"',
        '"accountType": "FUND"',
        BY_CASES,
    ),
    Mutant(
        "bybit-withdrawal-without-our-id",
        "a withdrawal that is asked for again is another one",
        BYBIT,
        '            "requestId": client_order_id,\n',
        "",
        BY_CASES,
    ),
    Mutant(
        "bybit-failed-withdrawal-is-back-at-once",
        "a withdrawal that failed counts as given back before the unified account has it",
        BYBIT,
        '        if found.status != "reverted":\n',
        "        if True:\n",
        BY_BYBIT,
    ),
    Mutant(
        "bybit-deposit-in-any-account",
        "a deposit that lies in the funding account is still awaited",
        BYBIT,
        "        if await self.time() > deposit.at + LATER:\n",
        "        if False:\n",
        BY_BYBIT,
    ),
    Mutant(
        "bybit-line-of-any-amount",
        "a line of the log belongs to a deposit of another amount",
        BYBIT_PAIRS,
        '            fits = line["currency"] == one.coin and Decimal(line["change"] or "0") == one.change\n',
        '            fits = line["currency"] == one.coin\n',
        BY_BYBIT,
    ),
    Mutant(
        "bybit-line-for-two",
        "two deposits that are alike have one line of the log",
        BYBIT_PAIRS,
        '            if line["id"] not in found and fits',
        "            if fits",
        BY_BYBIT,
    ),
    Mutant(
        "bybit-deposit-before-its-checks",
        "a deposit that a limit or a check holds back has arrived",
        BYBIT_PAIRS,
        ' or str(row.get("depositType") or "") not in _USUAL',
        "",
        BY_BYBIT,
    ),
    Mutant(
        "bybit-ledger-tells-withdrawals-again",
        "what a withdrawal took is a line of the ledger besides",
        BYBIT_LOG,
        '    if passed is not None and passed.kind != "deposit":\n',
        "    if False:\n",
        BY_CASES,
    ),
    Mutant(
        "bybit-ledger-tells-deposits-as-anything",
        "a deposit in the ledger names no transaction, and counts beside the transfer that it is",
        BYBIT_LOG,
        '        kind if passed is None else "deposit",\n',
        "        kind,\n",
        BY_BYBIT,
    ),
    Mutant(
        "bybit-key-withdraws-for-nothing",
        "a key that may withdraw is taken where the lane withdraws nothing",
        BYBIT_RIGHTS,
        "check_withdrawing(venue, may_withdraw, trades=trades, withdraws=withdraws)",
        "check_withdrawing(venue, False, trades=trades, withdraws=withdraws)",
        BY_RIGHTS,
    ),
    Mutant(
        "sandbox-bybit-takes-a-request-id-again",
        "a request id that was used is taken once more",
        BYBIT_CAPITAL,
        "    if own and any(",
        "    if False and any(",
        BY_BYBIT_SANDBOX,
    ),
    Mutant(
        "okx-request-is-taken-for-the-lane-s-window",
        "a withdrawal that is not there counts as not made while OKX still takes its request",
        OKX,
        "    taken_for_s: float | None = 30.0",
        "    taken_for_s: float | None = None",
        BY_OKX,
    ),
    Mutant(
        "okx-withdrawal-before-it-is-paid-for",
        "a withdrawal is asked for while what it needs is on its way to the funding account",
        OKX,
        '    if any(one["state"] not in (_DONE, _FAILED) for one in states):\n',
        "    if False:\n",
        BY_OKX,
    ),
    Mutant(
        "okx-more-is-moved-while-something-is-on-its-way",
        "what a withdrawal lacks is moved again, before what was moved for it is there",
        OKX,
        "            await self._check_moved(client_order_id)\n",
        "",
        BY_OKX,
    ),
    Mutant(
        "okx-fee-is-not-moved-with-it",
        "the funding account gets what is sent, and not its fee",
        OKX,
        "        return what.amount + (what.fee or money.ZERO) - there\n",
        "        return what.amount - there\n",
        BY_FUNDING,
    ),
    Mutant(
        "okx-funding-account-is-no-position",
        "what lies in the funding account is not held",
        OKX_ACCOUNT,
        "amount + funding.get(coin, money.ZERO)",
        "amount",
        BY_OKX,
    ),
    Mutant(
        "okx-account-is-read-while-it-moves",
        "the two accounts are added up though money was moved between them meanwhile",
        OKX_ACCOUNT,
        "        if await funding_of(self._session) != funding:\n",
        "        if False:\n",
        BY_OKX,
    ),
    Mutant(
        "okx-ledger-tells-movements-within",
        "what was moved between the two accounts is a line of the ledger",
        OKX_BILLS,
        '    if {row.get("from"), row.get("to")} == _OWN:\n',
        "    if False:\n",
        BY_FUNDING,
    ),
    Mutant(
        "okx-fee-in-another-coin",
        "a fee in another coin is taken off this one",
        OKX,
        '    if fee and row["feeCcy"] != what.asset:\n',
        "    if False:\n",
        BY_OKX,
    ),
    Mutant(
        "okx-deposit-before-it-is-credited",
        "a deposit that waits for confirmations has arrived",
        OKX,
        ' or str(row["state"]) not in _ARRIVED',
        "",
        BY_OKX,
    ),
    Mutant(
        "okx-address-of-the-trading-account",
        "an address is given out whose deposits the ledger tells of besides",
        OKX,
        ' and row["to"] == FUNDING]',
        "]",
        BY_OKX,
    ),
    Mutant(
        "okx-key-withdraws-for-nothing",
        "a key that may withdraw is taken where the lane withdraws nothing",
        RIGHTS,
        "    if may and not (trades and withdraws):\n",
        "    if may and not trades:\n",
        BY_RIGHTS,
    ),
    Mutant(
        "sandbox-okx-withdraws-from-the-trading-account",
        "a withdrawal is paid for out of the trading account",
        "venues/sim/settings.py",
        '        return f"{self.venue}:Funding:{asset}" if self.funding else self.balance_key("spot", asset)\n',
        '        return self.balance_key("spot", asset)\n',
        BY_OKX_SANDBOX,
    ),
)
