"""Gates of the execution interfaces: every venue and protocol, transfers, both modes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tightloop.cli.gates.gate import expect, hold, only, refused, section
from tightloop.cli.gates.manager import BY_PROTOCOL, LANES, NOON, PRICES, filled, manager, transfer
from tightloop.interfaces.factory import ExecutionInterfaceFactory
from tightloop.interfaces.interface import CEXExecutionInterface, OnChainExecutionInterface
from tightloop.venues import registry

SECTION = "interfaces"
GATES, gate = section(SECTION)
MARKET = {"timestamp": NOON, **PRICES}
EXCHANGES = tuple(lane for lane in LANES if lane != "ethereum")


@gate
def every_exchange_trades_spot_and_perpetuals() -> str:
    for venue in EXCHANGES:
        interface = ExecutionInterfaceFactory.create_cex_interface(venue)
        spot = filled(interface.execute_trade({"symbol": "BTC/USDT", "side": "buy", "amount": "0.1"}, MARKET))
        bought = spot["execution_deltas"][f"{venue}:BaseToken:BTC"]
        hold(f"{venue}: 0.1 less the fee, not {bought}", Decimal("0.0998") < bought <= Decimal("0.1"))
        perp = filled(interface.execute_trade({"symbol": "BTC/USDT:USDT", "side": "sell", "amount": "0.1"}, MARKET))
        expect(f"{venue}'s perpetual", perp["execution_deltas"][f"{venue}:Perp:BTC/USDT:USDT"], Decimal("-0.1"))
    return ", ".join(EXCHANGES)


@gate
def a_fee_is_part_of_the_deltas() -> str:
    interface = ExecutionInterfaceFactory.create_cex_interface("binance")
    found = filled(interface.execute_trade({"symbol": "BTC/USDT", "side": "buy", "amount": "0.1"}, MARKET))
    paid = sum(found["fees"].values(), Decimal(0))
    hold("there is one", paid > 0)
    only(
        "what changed",
        {key: amount for key, amount in found["execution_deltas"].items() if key.endswith("BTC")},
        {"binance:BaseToken:BTC": str(Decimal("0.1") - found["fees"].get("binance:BaseToken:BTC", Decimal(0)))},
    )
    return f"{found['fees']}"


@gate
def every_protocol_does_what_it_offers() -> str:
    offered = {spec.name for spec in registry.known().venues if spec.kind == "protocol"}
    expect("protocols that there are, and that are tried", set(BY_PROTOCOL), offered)
    for protocol, action in BY_PROTOCOL.items():
        interface: OnChainExecutionInterface = ExecutionInterfaceFactory.create_onchain_interface(protocol)
        found = filled(interface.execute_action(action, MARKET))
        given = found["execution_deltas"][f"wallet:BaseToken:{action['token_in']}"]
        hold(f"{protocol} takes {action['amount']}, not {given}", given == -Decimal(action["amount"]))
    return ", ".join(BY_PROTOCOL)


@gate
def a_transfer_leaves_its_source_and_reaches_an_exchange() -> str:
    found = filled(manager().route_instruction(NOON, transfer("binance:spot")))
    expect("at the exchange", found["execution_deltas"].get("binance:BaseToken:ETH"), Decimal("0.5"))
    hold("it left the wallet", found["execution_deltas"]["wallet:BaseToken:ETH"] <= Decimal("-0.5"))
    transit = [key for key, amount in found["execution_deltas"].items() if key.startswith("transit:") and amount]
    expect("what is still under way", transit, [])
    return "0.5 ETH by way of transit"


@gate
def a_transfer_to_an_address_is_paid() -> str:
    interface = ExecutionInterfaceFactory.create_transfer_interface("wallet")
    moved = {"source": "wallet", "destination": "0x" + "ab" * 20, "asset": "USDT", "amount": "25"}
    found = filled(interface.execute_transfer(moved, MARKET))
    expect("what left", found["execution_deltas"]["wallet:BaseToken:USDT"], Decimal(-25))
    return "25 USDT"


@gate
def a_venue_that_refuses_is_no_exception_and_changes_nothing() -> str:
    interface = ExecutionInterfaceFactory.create_cex_interface("binance")
    found = interface.execute_trade({"symbol": "BTC/USDT", "side": "sell", "amount": "50"}, MARKET)
    expect("success", found["success"], False)
    only("what changed", found["execution_deltas"], {})
    return str(found["error"]["code"])


@gate
def an_interface_refuses_what_is_not_its_venues() -> str:
    binance = CEXExecutionInterface("binance", None, "backtest")
    refused(
        "EIF-002", lambda: binance.execute_trade({"venue": "okx", "symbol": "BTC/USDT", "side": "buy", "amount": 1})
    )
    refused("EIF-002", lambda: CEXExecutionInterface("uniswap", None, "backtest"))
    return "EIF-002"


@gate
def the_same_backtest_twice_gives_the_same() -> str:
    def run() -> list[Any]:
        interface = ExecutionInterfaceFactory.create_cex_interface("bybit")
        orders = [{"symbol": "ETH/USDT", "side": side, "amount": "1.5"} for side in ("buy", "sell", "buy")]
        return [interface.execute_trade(order, MARKET) for order in orders]

    expect("the second run", run(), run())
    return "three trades, twice"


@gate
def live_is_never_built_without_credentials_and_a_journal() -> str:
    for venue in EXCHANGES:
        refused("EIF-003", lambda venue=venue: CEXExecutionInterface(venue, None, "live"))  # type: ignore[misc]
    wallet = lambda: ExecutionInterfaceFactory.create_transfer_interface("wallet", None, "live")  # noqa: E731
    refused("EIF-003", wallet)
    return "EIF-003, for every venue"
