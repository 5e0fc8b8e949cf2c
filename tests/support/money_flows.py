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

from tightloop.records.types import Delta, ExecutionReport, Instruction
from tightloop.testing import LoopDriver
from tightloop.venues.sim.exchange import Exchange
from tightloop.venues.sim.trades import ExchangeAccount

D = Decimal
Sums = dict[tuple[str, ...], Decimal]
SOURCES = {"initial", "trade", "fee", "gas", "funding", "interest", "transfer"}


class Flows:
    """Of one strategy. ``by``: position key and source; the sums of all reports."""

    def __init__(self, reports: Iterable[ExecutionReport]) -> None:
        self.by: Sums = defaultdict(D)
        self.fees: Sums = defaultdict(D)
        self.bought: Sums = defaultdict(D)  # by lane and symbol: base units, signed
        self.paid: Sums = defaultdict(D)  # likewise: quote units, signed
        self.gas = D(0)
        for report in reports:
            for delta in report.deltas:
                self.by[delta.position_key, delta.source] += delta.amount
            for fee in report.fees:
                self.fees[fee.position_key,] += fee.amount
            if report.symbol is not None and report.cost is not None and report.side is not None:
                sign = 1 if report.side == "buy" else -1
                self.bought[report.lane, report.symbol] += sign * report.amount
                self.paid[report.lane, report.symbol] += sign * report.cost
            self.gas += D(report.gas_used or 0) * (report.effective_gas_price or D(0))

    def of(self, source: str, venue: str = "") -> dict[str, Decimal]:
        """By position key."""
        return {
            key: amount for (key, its), amount in self.by.items() if its == source and amount and key.startswith(venue)
        }


def check_money(driver: LoopDriver, strategies: Iterable[str]) -> None:
    """For a driver that has come to rest, with everything that accrued told of."""
    every: list[ExecutionReport] = driver.records("fills")
    for strategy_id in strategies:
        reports = [one for one in every if one.strategy_id == strategy_id]
        flows = Flows(reports)
        lanes = [driver.sandbox.lanes[name] for name in sorted({one.lane for one in reports})]
        accounts = [lane.accounts[strategy_id] for lane in lanes]
        held = {key: amount for one in accounts for key, amount in one.balances.items() if amount}
        opened = {key: amount for one in accounts for key, amount in one.opening.items() if amount}
        assert _sums(delta for one in reports for delta in one.deltas) == held
        assert flows.of("initial") == opened
        for lane, account in zip(lanes, accounts, strict=True):
            if isinstance(account, ExchangeAccount):
                assert isinstance(lane, Exchange)
                _check_exchange(flows, account, lane)
        _check_wallet(flows)
        _check_transfers(driver, strategy_id, reports)
        assert {source for _, source in flows.by} <= SOURCES
    for chain in driver.sandbox.chains.values():
        check_protocols(chain)


def _sums(deltas: Iterable[Delta]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(D)
    for delta in deltas:
        sums[delta.position_key] += delta.amount
    return {key: amount for key, amount in sums.items() if amount}


def _check_exchange(flows: Flows, account: ExchangeAccount, lane: Exchange) -> None:
    """Spot trades exchange one asset for another at their cost; perpetuals realise what their trades cost, no more."""
    venue, key = lane.settings.venue, lane.settings.balance_key
    charged = {key: -amount for (key,), amount in flows.fees.items() if amount and key.startswith(f"{venue}:")}
    assert flows.of("fee", f"{venue}:") == charged
    moved: dict[str, Decimal] = defaultdict(D)
    for (name, symbol), bought in flows.bought.items():
        if name != lane.lane:
            continue
        pair, _, settled_in = symbol.partition(":")
        base, _, quote = pair.partition("/")
        if settled_in:
            assert flows.by.get((f"{venue}:Perp:{symbol}", "trade"), D(0)) == bought
            carried = account.perps.get(symbol, D(0))
            moved[key("perp", quote)] += carried - flows.paid[name, symbol]
        else:
            moved[key("spot", base)] += bought
            moved[key("spot", quote)] -= flows.paid[name, symbol]
    traded = {key: amount for key, amount in flows.of("trade", f"{venue}:").items() if ":Perp:" not in key}
    assert traded == {key: amount for key, amount in moved.items() if amount}
    assert all(":MarginBalance:" in key for key in flows.of("funding", f"{venue}:"))


def _check_wallet(flows: Flows) -> None:
    """Gas is what was used at its price, and interest only grows."""
    assert flows.of("gas") == ({"wallet:BaseToken:ETH": -flows.gas} if flows.gas else {})
    assert all(amount > 0 for amount in flows.of("interest").values())
    assert all(key.startswith(("aave:", "morpho:")) for key in flows.of("interest"))


def _check_transfers(driver: LoopDriver, strategy_id: str, reports: list[ExecutionReport]) -> None:
    """What one account gave another got, once; what was sent away is gone, once. Where nobody asked for a transfer, a
    liquidation took more than the margin, and the exchange bears the rest.
    """
    asked: dict[str, Instruction] = {
        one.instruction_id: one for one in driver.records("instructions", strategy_id) if one.wallet_transfer
    }
    moved: Sums = defaultdict(D)
    for report in reports:
        for delta in report.deltas:
            if delta.source == "transfer":
                name = report.instruction_id if report.instruction_id in asked else None
                moved[name or delta.position_key, delta.position_key.rpartition(":")[2]] += delta.amount
    for (name, asset), amount in moved.items():
        transfer = asked[name].wallet_transfer if name in asked else None
        if transfer is None:
            assert ":MarginBalance:" in name and amount > 0, (name, amount)
        elif transfer.destination.startswith("0x"):
            assert amount == -(transfer.amount or D(0)), (name, asset, amount)
        else:
            assert amount == 0, (name, asset, amount)
