"""What keeps a live lane of Binance from starting: addresses, keys, the account's position mode, prod's switch."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.lanes import REGISTRY
from tests.support.told_exchange import ToldExchange

from tightloop.assembly.build import make_adapters
from tightloop.assembly.config import Config
from tightloop.domain.directory import LaneSpec
from tightloop.errors import ExecutionError
from tightloop.venues import binance
from tightloop.venues.binance import connect, connect_reader
from tightloop.venues.credentials import checked
from tightloop.venues.live.binance import DEMO, PRODUCTION, addresses

LANE = replace(REGISTRY.lane("binance"), simulated=False)
RIGHTS = {
    "enableReading": True,
    "enableWithdrawals": False,
    "enableSpotAndMarginTrading": True,
    "enableFutures": True,
}
READS_ONLY = RIGHTS | {"enableSpotAndMarginTrading": False, "enableFutures": False}


def at(endpoint: str) -> LaneSpec:
    return replace(LANE, endpoint=endpoint)


@pytest.mark.parametrize(("environment", "expected"), [("dev", DEMO), ("staging", DEMO), ("prod", PRODUCTION)])
def test_the_environment_says_where_binance_is(environment: str, expected: dict[str, str]) -> None:
    assert addresses(LANE, environment) == expected


def test_an_endpoint_of_ones_own_has_both_parts() -> None:
    found = addresses(at("http://127.0.0.1:8901/"), "dev")
    assert found == {"spot": "http://127.0.0.1:8901", "futures": "http://127.0.0.1:8901"}


@pytest.mark.parametrize(
    ("environment", "endpoint", "code"),
    [
        ("dev", "https://api.binance.com", "EIF-008"),
        ("dev", "https://fapi.binance.com", "EIF-008"),
        ("staging", "https://api3.binance.com", "EIF-008"),
        ("dev", "https://api-gcp.binance.com/", "EIF-008"),
        ("prod", "https://demo-api.binance.com", "EIF-008"),
        ("prod", "http://127.0.0.1:8901", "EIF-008"),
        ("dev", "http://binance.example:80", "EIF-010"),
        ("dev", "https://api.example/api/v3", "EIF-010"),
    ],
)
def test_an_address_of_another_environment_or_in_the_clear_is_refused(
    environment: str, endpoint: str, code: str
) -> None:
    lanes = {"binance": {"simulated": False, "endpoint": endpoint}}
    for component, lane in (("executor", "binance"), ("reconciliation", None)):
        with pytest.raises(ExecutionError) as refused:
            make_adapters(component, lane, config(environment=environment, live_trading=True, lanes=lanes))
        assert refused.value.code == code


def opened(
    rights: dict[str, Any] | None, *, reading: bool = False, hedged: bool = False, withdraws_to: tuple[str, ...] = ()
) -> ToldExchange:
    """Raises ExecutionError. ``rights`` None: an exchange that does not tell what a key may do, as testnets."""
    told: dict[str, Any] = {
        "GET /api/v3/time": (200, {"serverTime": 1_760_000_000_000}),
        "GET /api/v3/account": (200, {"balances": []}),
        "GET /fapi/v1/positionSide/dual": (200, {"dualSidePosition": hedged}),
    }
    if rights is not None:
        told["GET /sapi/v1/account/apiRestrictions"] = (200, rights)

    async def work() -> ToldExchange:
        async with ToldExchange(told) as exchange:
            names = binance.SPEC.read_credentials if reading else binance.SPEC.credentials
            keys = checked(binance.SPEC, "dev", {name: f"value-{name}" for name in names}, reading=reading)
            lane = replace(at(exchange.address), withdraws_to=withdraws_to)
            found = connect_reader(lane, keys) if reading else connect(lane, keys)
            try:
                await found.open()
            finally:
                await found.close()
            return exchange

    return asyncio.run(work())


def test_a_key_that_may_trade_opens_the_lane_and_one_that_may_only_read_its_reader() -> None:
    for exchange in (opened(RIGHTS), opened(READS_ONLY, reading=True), opened(None)):
        assert {request.method for request in exchange.requests} == {"GET"}


@pytest.mark.parametrize(
    ("rights", "reading", "words"),
    [
        (RIGHTS | {"enableWithdrawals": True}, False, "may withdraw"),
        (READS_ONLY | {"enableWithdrawals": True}, True, "may withdraw"),
        (READS_ONLY | {"permitsUniversalTransfer": True}, True, "may move money between accounts"),
        (READS_ONLY | {"enableInternalTransfer": True}, True, "may move money between accounts"),
        (RIGHTS | {"enableSpotAndMarginTrading": False}, False, "spot key may not trade"),
        (RIGHTS | {"enableFutures": False}, False, "perp key may not trade"),
        (RIGHTS, True, "is to read only, and may trade"),
        (RIGHTS | {"enableReading": False}, False, "may not read"),
    ],
)
def test_a_key_with_too_many_rights_or_too_few_is_refused(rights: dict[str, Any], reading: bool, words: str) -> None:
    with pytest.raises(ExecutionError, match=words) as refused:
        opened(rights, reading=reading)
    assert refused.value.code == "EIF-012"
    assert "value-" not in str(refused.value)


def test_a_key_may_withdraw_where_the_lane_says_whereto_and_then_it_must() -> None:
    withdraws_to = ("0x" + "ab" * 20,)
    opened(RIGHTS | {"enableWithdrawals": True}, withdraws_to=withdraws_to)
    opened(READS_ONLY, reading=True, withdraws_to=withdraws_to)
    for rights, reading, words in (
        (RIGHTS, False, "the spot key may not withdraw"),
        (READS_ONLY | {"enableWithdrawals": True}, True, "may withdraw, and is to read only"),
    ):
        with pytest.raises(ExecutionError, match=words) as refused:
            opened(rights, reading=reading, withdraws_to=withdraws_to)
        assert refused.value.code == "EIF-012"


def test_hedge_mode_is_refused() -> None:
    with pytest.raises(ExecutionError, match="hedge mode") as refused:
        opened(RIGHTS, hedged=True)
    assert refused.value.code == "EIF-010"


def test_an_exchange_that_is_not_there_is_tried_again_later() -> None:
    async def work() -> None:
        keys = checked(binance.SPEC, "dev", {name: f"value-{name}" for name in binance.SPEC.credentials})
        found = connect(at("http://127.0.0.1:1"), keys)
        with pytest.raises(ExecutionError) as refused:
            await found.open()
        assert refused.value.code == "EIF-011"
        await found.close()

    asyncio.run(work())


# --- the configuration ------------------------------------------------------------------------------------------------


def config(**changed: Any) -> Config:
    values: dict[str, Any] = {
        "lanes": {"binance": {"simulated": False}},
        "accounts": {"main": {"strategy": "s1", "lane": "binance"}},
    }
    return Config.model_validate(values | changed)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for environment in ("dev", "staging", "prod"):
        for reading in (False, True):
            for name in binance.SPEC.variables(environment, reading=reading):
                monkeypatch.setenv(name, f"value-{name}")


def test_prod_needs_its_switch() -> None:
    with pytest.raises(ExecutionError) as refused:
        make_adapters("executor", "binance", config(environment="prod"))
    assert refused.value.code == "EIF-013"
    assert make_adapters("executor", "binance", config(environment="prod", live_trading=True))
    assert make_adapters("reconciliation", None, config(environment="prod")), "who only looks needs none"
    assert make_adapters("executor", "binance", config())


def test_one_key_is_one_account() -> None:
    accounts = {name: {"strategy": name, "lane": "binance"} for name in ("a", "b")}
    for component, lane in (("executor", "binance"), ("reconciliation", None)):
        with pytest.raises(ExecutionError, match="a, b in `accounts`") as refused:
            make_adapters(component, lane, config(accounts=accounts))
        assert refused.value.code == "EIF-010"
