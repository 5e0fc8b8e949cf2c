"""Execution cases of what an order costs, and in which units it is counted: each trade's deltas are complete."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tightloop.handlers.calls import LedgerEntry, Refused
from tightloop.venues.sim.books import VenueError

from .exchanges import Exchange, price_of

D = Decimal
WALLETS = ("BaseToken", "MarginBalance")
LARGE = {"BTC": D("0.05"), "ETH": D("0.5"), "DOGE": D(2000)}


def moved(before: dict[str, Decimal], after: dict[str, Decimal]) -> dict[str, Decimal]:
    changes = {key: after.get(key, D(0)) - before.get(key, D(0)) for key in before.keys() | after.keys()}
    return {key: change for key, change in changes.items() if change}


def booked(trade: LedgerEntry) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for delta in trade.deltas:
        found[delta.position_key] = found.get(delta.position_key, D(0)) + delta.amount
    return found


def test_58_a_fee_in_a_third_asset_is_a_delta_of_its_own(exchange: Exchange) -> None:
    coin = exchange.settings.fee_coin
    asset = "BNB" if coin is None else coin.asset
    exchange.open_with(
        BaseToken_USDT="100000", MarginBalance_USDT="100000", **{f"{one}_{asset}": "1" for one in WALLETS}
    )
    if coin is not None:
        for market in ("spot", "perp"):
            exchange.set_fees(market, in_coin=True)
    told = {}
    for name, entry in (("spot", exchange.trade("a", amount=D("0.5"))), ("perp", exchange.perp("b", amount=D("0.5")))):
        before = exchange.amounts()
        found = exchange.submit(entry)
        (trade,) = found.entries
        assert moved(before, exchange.amounts()) == booked(trade), "the deltas of a trade are all that moved"
        (fee,) = trade.fees
        assert exchange.find(entry).entries == found.entries
        told[name] = (fee, trade.cost or D(0))
    (spot, spot_cost), (perp, perp_cost) = told["spot"], told["perp"]
    if coin is None:  # neither Bybit (for orders over the API) nor OKX takes it in anything but what is received
        assert (spot.position_key, perp.position_key) == (
            exchange.key("BaseToken:BTC"),
            exchange.key("MarginBalance:USDT"),
        )
        return
    assert (spot.position_key, perp.position_key) == tuple(exchange.key(f"{one}:{asset}") for one in WALLETS)
    in_quote = spot_cost * exchange.settings.spot_taker * (1 - coin.spot_discount)
    margin = perp_cost * exchange.settings.perp_taker * (1 - coin.perp_discount)
    assert abs(in_quote / spot.amount - margin / perp.amount) < D("0.5"), "each at the coin's price, less its discount"


def test_59_without_enough_of_the_third_asset_the_usual_one_pays(exchange: Exchange) -> None:
    coin = exchange.settings.fee_coin
    if coin is None:
        with pytest.raises((VenueError, AssertionError), match="in no coin of its own"):
            exchange.set_fees("spot", in_coin=True)
        return
    exchange.open_with(BaseToken_USDT="100000", **{f"BaseToken_{coin.asset}": "0.0001"})
    exchange.set_fees("spot", in_coin=True)
    (trade,) = exchange.submit(exchange.trade("a", amount=D("0.5"))).entries
    assert [(fee.position_key, fee.amount) for fee in trade.fees] == [(exchange.key("BaseToken:BTC"), D("0.0005"))]


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("market", ["spot", "perp"])
def test_60_a_rebate_is_a_fee_below_zero_and_its_delta_is_above_zero(
    exchange: Exchange, market: str, side: str
) -> None:
    exchange.set_fees(market, maker="-0.0001")
    price = exchange.far_below() if side == "buy" else exchange.to_tick(exchange.far_below() * 3)
    make = exchange.trade if market == "spot" else exchange.perp
    fields = {"side": side, "order_type": "limit", "price": price, "amount": D("0.2")}
    entry = exchange.prepared(make(f"{market} {side}", **fields))
    assert exchange.submit(entry).status == "open"
    before = exchange.amounts()
    exchange.fill(entry)
    found = exchange.find(entry)
    assert found.status == "filled"
    (trade,) = found.entries
    (fee,) = trade.fees
    received = D("0.2") if (market, side) == ("spot", "buy") else D("0.2") * price
    key = exchange.settings.balance_key(market, "BTC" if (market, side) == ("spot", "buy") else "USDT")
    assert (trade.liquidity, fee.position_key, fee.amount) == ("maker", key, -received * D("0.0001"))
    assert [delta.amount for delta in trade.deltas if delta.source == "fee"] == [received * D("0.0001")]
    assert moved(before, exchange.amounts()) == booked(trade)


@pytest.mark.parametrize("symbol", ["BTC/USDT:USDT", "ETH/USDT:USDT", "DOGE/USDT:USDT"])
def test_160_amounts_are_base_units_whatever_a_contract_is(exchange: Exchange, symbol: str) -> None:
    """OKX counts contracts: of BTC one is 0.01, of DOGE 1000, and its lot is a tenth of one."""
    rules = exchange.rules(symbol)
    buy = {"market": "perp", "symbol": symbol}
    key = exchange.key(f"Perp:{symbol}")
    answer = exchange.prepare(exchange.trade(f"{rules.base} too small", amount=rules.lot / 2, **buy))
    assert (type(answer), getattr(answer, "code", "")) == (Refused, "EXI-007"), "less than a lot is no order"
    price = price_of(exchange.submit(exchange.trade(f"{rules.base} whole", amount=LARGE[rules.base], **buy)))
    held = exchange.amounts()[key]
    assert held == LARGE[rules.base]
    entry = exchange.prepared(exchange.trade(f"{rules.base} rest", amount=LARGE[rules.base] + rules.lot / 2, **buy))
    (trade,) = exchange.submit(entry).entries
    assert trade.amount == LARGE[rules.base], "what is no whole lot is left out"
    assert (trade.cost or D(0)) / trade.amount == price
    assert exchange.amounts()[key] == 2 * held
    (listed,) = [one for one in exchange.books()["orders"] if one["client_order_id"] == entry.client_order_id]
    assert D(listed["amount"]) == LARGE[rules.base], "and so says the exchange"
