"""Money is conserved, whatever is asked and whatever goes wrong; and the books are a function of the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.support.protocol_money import check_protocols

from tightloop.domain import money
from tightloop.records.types import PreparedTransaction
from tightloop.venues.sim import commands as c
from tightloop.venues.sim.admin import admin_routes
from tightloop.venues.sim.books import VenueError
from tightloop.venues.sim.chain_settings import chain
from tightloop.venues.sim.faults import FaultRule
from tightloop.venues.sim.market_sources import synthetic_market
from tightloop.venues.sim.sandbox import Sandbox
from tightloop.venues.sim.settings import SimSettings, exchange
from tightloop.venues.sim.transactions import Calldata, encode_calldata, signed, wallet_address

D = Decimal
ORIGIN = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
MARKETS = {"BTC/USDT": "spot", "ETH/USDT": "spot", "BTC/USDT:USDT": "perp", "ETH/USDT:USDT": "perp"}
MARKET = synthetic_market(1)
TOKENS = ("WETH", "USDT", "USDC", "WBTC", "ETH")
STABLE = ("USDT", "USDC", "DAI")
OPERATIONS = (
    "uniswap.swap",
    "uniswap.swap",
    "curve.swap",
    "curve.add_liquidity",
    "curve.remove_liquidity",
    *(f"aave.{operation}" for operation in ("supply", "withdraw", "borrow", "repay", "set_collateral")),
    *(f"morpho.{operation}" for operation in ("supply", "withdraw", "borrow", "repay")),
    *(f"morpho.{operation}" for operation in ("supply_collateral", "withdraw_collateral")),
    "wallet.transfer",
)

Move = tuple[str, Any]

amounts = st.integers(1, 40_000).map(lambda lots: D(lots) * D("0.001"))
orders = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from(sorted(MARKETS)),
        "side": st.sampled_from(["buy", "sell"]),
        "amount": amounts,
        "name": st.integers(0, 6),
        "limit_bps": st.none() | st.integers(-200, 200),
        "time_in_force": st.sampled_from(["GTC", "IOC", "FOK", "PO"]),
        "reduce_only": st.booleans(),
    }
)
steps = st.fixed_dictionaries(
    {
        "operation": st.sampled_from(OPERATIONS),
        "tokens": st.permutations(TOKENS).map(lambda tokens: tokens[:2]),
        "amount": st.integers(1, 10**9).map(lambda units: D(units).scaleb(-6)),
        "rule": st.sampled_from(["number", "number", "number", "all", "previous_output"]),
        "way": st.sampled_from([{}, {}, {"fee": "3000"}, {"exact": "output"}, {"over": "DAI"}]),
        "one_coin": st.booleans(),
    }
)
moves = st.one_of(
    st.tuples(st.just("order"), orders),
    st.tuples(st.just("order"), orders),
    st.tuples(st.just("order"), orders),
    st.tuples(st.just("cancel"), st.fixed_dictionaries({"name": st.integers(0, 6)})),
    st.tuples(
        st.just("transaction"),
        st.fixed_dictionaries({"steps": st.lists(steps, min_size=1, max_size=4), "atomic": st.booleans()}),
    ),
    st.tuples(st.just("advance"), st.fixed_dictionaries({"hours": st.integers(1, 30)})),
    st.tuples(st.just("liquidate"), st.sampled_from(["aave:debtToken:USDT", "morpho:Borrow:WETH/USDT"])),
    st.tuples(st.just("drift"), st.fixed_dictionaries({"amount": st.integers(-5, 5)})),
    st.tuples(st.just("time"), st.fixed_dictionaries({"seconds": st.integers(1, 5000)})),
    st.tuples(
        st.just("fault"),
        st.fixed_dictionaries(
            {
                "kind": st.sampled_from(["reject", "partial", "revert", "slip"]),
                "fill": st.sampled_from([D("0.1"), D("0.5"), D("0.9")]),
                "rest": st.sampled_from(["later", "work", "cancel"]),
                "parts": st.integers(1, 4),
                "slippage_bps": st.integers(0, 500).map(D),
            }
        ),
    ),
)


def sandbox(folder: Path | None) -> Sandbox:
    lane = exchange("binance")
    symbols = tuple(replace(rules, liquidity=D(7)) for rules in lane.symbols)
    return Sandbox(
        SimSettings(
            exchanges=(replace(lane, symbols=symbols),),
            chains=(chain("ethereum"),),
            market_origin=ORIGIN,
            clock="manual",
            data_dir=None if folder is None else str(folder),
        ),
        market=MARKET,
    )


def play(venue: Sandbox, played: list[Move], look: Callable[[Sandbox], None]) -> None:
    """Do the moves, and look after each; what the venue refuses is refused."""
    for number, (kind, given_) in enumerate(played):
        now = venue.now()
        with suppress(VenueError):
            if kind == "order":
                venue.act("binance", _order(venue, given_, now), now, _strike(venue, "order", number))
            elif kind == "cancel":
                venue.act(
                    "binance", c.CancelWorking(account="s", client_order_id=f"o{given_['name']}", timestamp=now), now
                )
            elif kind == "transaction":
                command = _transaction(venue, given_, now, number)
                venue.act("ethereum", command, now, _strike(venue, "transaction", number))
            elif kind == "advance":
                venue.act("", c.AdvanceMarket(microseconds=given_["hours"] * 3_600_000_000), now)
            elif kind == "liquidate":
                venue.act("ethereum", c.Liquidate(account="s", position_key=given_), now)
            elif kind == "drift":
                key = ("binance:BaseToken:BTC", "binance:Perp:BTC/USDT:USDT")[number % 2]
                venue.act("binance", c.Drift(account="s", position_key=key, amount=D(given_["amount"])), now)
            elif kind == "fault":
                venue.faults.add(FaultRule(count=1, every_s=100.0, **given_), now)
        if kind == "time" and venue.manual is not None:
            venue.manual.move(timedelta(seconds=given_["seconds"]))
        look(venue)


def _strike(venue: Sandbox, operation: Any, number: int) -> Any:
    return venue.faults.strike(
        "binance" if operation == "order" else "ethereum", "s", operation, str(number), venue.now()
    )


def _order(venue: Sandbox, given_: dict[str, Any], now: datetime) -> c.PlaceOrder:
    symbol = given_["symbol"]
    price = None
    if given_["limit_bps"] is not None:
        base = D(42_000) if symbol.startswith("BTC") else D(2_300)
        price = base * (10_000 + given_["limit_bps"]) // 10_000
    return c.PlaceOrder(
        account="s",
        client_order_id=f"o{given_['name']}",
        market="spot" if MARKETS[symbol] == "spot" else "perp",
        symbol=symbol,
        side=given_["side"],
        order_type="market" if price is None else "limit",
        price=price,
        amount=given_["amount"],
        time_in_force=given_["time_in_force"],
        reduce_only=given_["reduce_only"] and MARKETS[symbol] == "perp",
        timestamp=now,
        decided_at=now,
    )


def _transaction(venue: Sandbox, given_: dict[str, Any], now: datetime, number: int) -> c.Broadcast:
    actions = [_action(step, number) for number, step in enumerate(given_["steps"])]
    data = encode_calldata(Calldata(actions=tuple(actions), decided_at=now, atomic=given_["atomic"]))
    transaction = PreparedTransaction(
        chain_id=1,
        nonce=venue.chains["ethereum"].accounts["s"].nonce if "s" in venue.chains["ethereum"].accounts else 0,
        to=wallet_address("s"),
        data=data,
        gas_limit=1_500_000,
        max_fee_per_gas=D("1e-7"),
        max_priority_fee_per_gas=D("1e-9"),
        tx_hash="",
    )
    return c.Broadcast(account="s", client_order_id=f"t{number}", transaction=signed("s", transaction))


def _action(step: dict[str, Any], number: int) -> c.ChainAction:
    protocol, operation = step["operation"].split(".")
    token, other = step["tokens"]
    parameters = {}
    if protocol == "wallet":
        parameters = {"to": "0x" + "ab" * 20}
    elif operation == "set_collateral":
        parameters = {"enabled": "false" if number % 2 else "true"}
    elif protocol == "curve":
        token, other = STABLE[number % 3], STABLE[(number + 1) % 3]
        parameters["pool"] = "3pool"
    elif protocol == "morpho":
        token = "WETH" if "collateral" in operation else "USDT"
        parameters["market"] = "WETH/USDT"
    elif protocol == "uniswap":
        over = step["way"].get("over")
        parameters |= step["way"] if over is None else {"path": f"{token}/500/{over}/100/{other}"}
    gives = operation not in ("withdraw", "borrow", "withdraw_collateral", "remove_liquidity")
    gets = not gives and (operation != "remove_liquidity" or step["one_coin"])
    return c.ChainAction(
        protocol=protocol,
        operation=operation,
        token_in=token if gives else None,
        token_out=other if operation == "swap" else token if gets else None,
        amount=step["amount"],
        amount_rule=step["rule"],
        parameters=parameters,
    )


def check(venue: Sandbox) -> None:
    """Opening + deltas + drifts = balances, fees stand in the deltas, sequences have no gap, nothing is below zero."""
    venue.settle_everything()
    check_protocols(venue.chains["ethereum"])
    for lane in venue.lanes.values():
        for account in lane.accounts.values():
            expected: dict[str, Decimal] = defaultdict(Decimal, account.opening)
            for drift in account.drifts:
                expected[drift.position_key] += drift.amount
            times = []
            for number, entry in enumerate(account.ledger, start=1):
                assert entry.sequence == number
                times.append(entry.event_time)
                for delta in entry.deltas:
                    expected[delta.position_key] = money.CONTEXT.add(expected[delta.position_key], delta.amount)
                    money.check(delta.amount)
                for fee in entry.fees:
                    assert any(d.position_key == fee.position_key and d.amount == -fee.amount for d in entry.deltas)
                if entry.cost is not None and entry.kind == "trade":
                    money.check(entry.cost)
            assert times == sorted(times)
            assert dict(expected) == account.balances
            drifted = {drift.position_key for drift in account.drifts}
            for key, amount in account.balances.items():
                if (":BaseToken:" in key and key not in drifted) or key.startswith(("aave:", "morpho:", "curve:")):
                    assert amount >= 0, (key, amount)
            _check_realised(account)


def _check_realised(account: Any) -> None:
    """Profit realised plus what a position still cost is what was paid for it: exactly."""
    if not hasattr(account, "perps") or any(":Perp:" in drift.position_key for drift in account.drifts):
        return
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for entry in account.ledger:
        if entry.kind in ("trade", "transfer") and ":" in (entry.symbol or ""):  # transfer: a liquidation
            paid[entry.symbol] += (entry.cost if entry.side == "buy" else -entry.cost) + (entry.realised_pnl or 0)
    for symbol, cost in paid.items():
        assert cost == account.perps.get(symbol, 0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(moves, min_size=8, max_size=40))
def test_money_is_conserved_and_books_after_a_restart_equal_books_before(played: list[Move]) -> None:
    with TemporaryDirectory() as folder, money.exact():
        venue = sandbox(Path(folder))
        play(venue, played, check)
        seen = everything(venue)
        venue.close()
        again = sandbox(Path(folder))
        again.manual.move(timedelta(0), venue.now())  # type: ignore[union-attr]
        assert everything(again) == seen
        again.close()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(moves, min_size=8, max_size=30))
def test_looking_at_the_books_in_between_changes_nothing(played: list[Move]) -> None:
    with money.exact():
        looked_at, left_alone = sandbox(None), sandbox(None)
        for venue in (looked_at, left_alone):
            for lane in ("binance", "ethereum"):
                venue.positions(lane, "s")
        play(looked_at, played, check)
        play(left_alone, played, lambda venue: None)
        assert everything(looked_at)[0] == everything(left_alone)[0]


def everything(venue: Sandbox) -> tuple[bytes, bytes]:
    routes = admin_routes(venue)
    books, requests = routes["GET /admin/books"]({}, b""), routes["GET /admin/requests"]({}, b"")
    chains = routes["GET /admin/chain"]({"lane": "ethereum"}, b"")
    return msgspec.json.encode([books, chains]), msgspec.json.encode(requests)
