"""Where the money of strategies went, by what was published of it, and whether the other side of each flow has it.

For each asset and over all venues: what is held is what there was at the start, and what trades, fees, gas, funding,
interest, liquidations and transfers brought or took. Each of these is checked against its other side: a trade against
what was paid for it, a fee against what was charged, a pool against what wallets gave.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from tests.support.protocol_money import check_protocols

from tightloop.records.types import Delta, ExecutionReport
from tightloop.testing import LoopDriver
from tightloop.venues.sim.trades import ExchangeAccount

D = Decimal
Sums = dict[tuple[str, ...], Decimal]


class Flows:
    """Of one strategy on one lane. ``by``: position key and source; the sums of all reports."""

    def __init__(self, reports: Iterable[ExecutionReport]) -> None:
        self.by: Sums = defaultdict(D)
        self.fees: Sums = defaultdict(D)
        self.bought: Sums = defaultdict(D)  # by symbol: base units, signed
        self.paid: Sums = defaultdict(D)  # by symbol: quote units, signed
        self.gas = D(0)
        for report in reports:
            for delta in report.deltas:
                self.by[delta.position_key, delta.source] += delta.amount
            for fee in report.fees:
                self.fees[fee.position_key,] += fee.amount
            if report.symbol is not None and report.cost is not None and report.side is not None:
                sign = 1 if report.side == "buy" else -1
                self.bought[report.symbol,] += sign * report.amount
                self.paid[report.symbol,] += sign * report.cost
            self.gas += D(report.gas_used or 0) * (report.effective_gas_price or D(0))

    def total(self, key: str, source: str) -> Decimal:
        return self.by.get((key, source), D(0))

    def of(self, source: str) -> dict[str, Decimal]:
        """By position key."""
        return {key: amount for (key, its), amount in self.by.items() if its == source and amount}


def check_money(driver: LoopDriver, strategies: Iterable[str]) -> None:
    """For a driver that has come to rest, with everything that accrued told of."""
    reports: list[ExecutionReport] = driver.records("fills")
    for strategy_id in strategies:
        for name, lane in driver.sandbox.lanes.items():
            mine = [one for one in reports if one.strategy_id == strategy_id and one.lane == name]
            if not mine:
                continue
            account = lane.accounts[strategy_id]
            flows = Flows(mine)
            held = {key: amount for key, amount in account.balances.items() if amount}
            assert _sums(delta for one in mine for delta in one.deltas) == held
            assert flows.of("initial") == {key: amount for key, amount in account.opening.items() if amount}
            if isinstance(account, ExchangeAccount):
                _check_exchange(flows, account, name)
            else:
                _check_wallet(flows)
    for chain in driver.sandbox.chains.values():
        check_protocols(chain)


def _sums(deltas: Iterable[Delta]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(D)
    for delta in deltas:
        sums[delta.position_key] += delta.amount
    return {key: amount for key, amount in sums.items() if amount}


def _check_exchange(flows: Flows, account: ExchangeAccount, venue: str) -> None:
    """Spot trades exchange one asset for another at their cost; perpetuals realise what their trades cost, no more."""
    assert flows.of("fee") == {key: -amount for (key,), amount in flows.fees.items() if amount}
    spot: dict[str, Decimal] = defaultdict(D)
    realised: dict[str, Decimal] = defaultdict(D)
    for (symbol,), bought in flows.bought.items():
        pair, _, settled_in = symbol.partition(":")
        base, _, quote = pair.partition("/")
        if settled_in:
            assert flows.total(f"{venue}:Perp:{symbol}", "trade") == bought
            carried = account.perps.get(symbol, D(0))
            realised[f"{venue}:MarginBalance:{quote}"] += carried - flows.paid[symbol,]
        else:
            spot[f"{venue}:BaseToken:{base}"] += bought
            spot[f"{venue}:BaseToken:{quote}"] -= flows.paid[symbol,]
    traded = {key: amount for key, amount in flows.of("trade").items() if ":Perp:" not in key}
    assert traded == {key: amount for key, amount in {**spot, **realised}.items() if amount}
    assert all(":MarginBalance:" in key for key in flows.of("funding"))
    for key, amount in flows.of("transfer").items():  # what a liquidation took beyond the balance the exchange bears
        assert ":MarginBalance:" in key and amount > 0, (key, amount)
    assert {source for _, source in flows.by} <= {"initial", "trade", "fee", "funding", "transfer"}


def _check_wallet(flows: Flows) -> None:
    """Gas is what was used at its price, interest only grows, and a token that was sent away is not here any more."""
    assert flows.of("gas") == ({"wallet:BaseToken:ETH": -flows.gas} if flows.gas else {})
    assert all(amount > 0 for amount in flows.of("interest").values())
    assert all(key.startswith(("aave:", "morpho:")) for key in flows.of("interest"))
    assert all(amount < 0 for amount in flows.of("transfer").values())
    assert {source for _, source in flows.by} <= {"initial", "trade", "gas", "interest", "transfer"}
