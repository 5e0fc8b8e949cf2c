"""``tightloop sandbox okx``: orders in batches, orders that are changed, and the HTTP status of what is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.okx_sandbox import OkxSandbox

RESTS = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": "0.01", "px": "20000"}
PLACE, CANCEL, AMEND = "trade/batch-orders", "trade/cancel-batch-orders", "trade/amend-order"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OkxSandbox]:
    found = OkxSandbox(tmp_path_factory.mktemp("okx"))
    yield found
    found.close()


def batch(sandbox: OkxSandbox, path: str, *several: dict[str, Any], **how: Any) -> tuple[int, str, list[str]]:
    """HTTP status, code, and the code of each order."""
    status, answer = sandbox.signed("POST", path, several=list(several), **how)
    return status, answer["code"], [one["sCode"] for one in answer["data"]]


def state(sandbox: OkxSandbox, name: str) -> str:
    _, answer = sandbox.signed("GET", "trade/order", instId="BTC-USDT", clOrdId=name)
    return str(answer["data"][0]["state"]) if answer["data"] else answer["code"]


def test_an_order_of_a_batch_that_is_wrong_refuses_itself_alone(sandbox: OkxSandbox) -> None:
    good, no_side = {**RESTS, "clOrdId": "good"}, {name: told for name, told in RESTS.items() if name != "side"}
    nonsense = {**RESTS, "sz": "plenty"}
    assert batch(sandbox, PLACE, no_side, good, nonsense) == (200, "2", ["50014", "0", "51000"])
    assert batch(sandbox, PLACE, no_side, nonsense) == (200, "1", ["50014", "51000"])
    assert state(sandbox, "good") == "live"


def test_orders_are_cancelled_in_batches(sandbox: OkxSandbox) -> None:
    names = ["first", "second"]
    assert batch(sandbox, PLACE, *({**RESTS, "clOrdId": name} for name in names)) == (200, "0", ["0", "0"])
    named = [{"instId": "BTC-USDT", "clOrdId": name} for name in (*names, "nobody")]
    assert batch(sandbox, CANCEL, *named) == (200, "2", ["0", "0", "51400"])
    assert [state(sandbox, name) for name in names] == ["canceled", "canceled"]
    assert batch(sandbox, CANCEL, *named) == (200, "1", ["51400"] * 3)


def test_a_batch_has_between_one_order_and_twenty(sandbox: OkxSandbox) -> None:
    for path, refusal in ((PLACE, (200, "51111", [])), (CANCEL, (400, "51406", []))):
        assert batch(sandbox, path) == (400, "50000", [])
        assert batch(sandbox, path, *[RESTS] * 21) == refusal
    assert sandbox.signed("POST", PLACE, **RESTS)[1]["code"] == "50002", "one order is a list of one"


def test_an_order_of_a_batch_that_has_expired_is_not_taken(sandbox: OkxSandbox) -> None:
    passed = {"expTime": str(int(time.time() * 1000) - 100)}
    given = {**RESTS, "clOrdId": "expired"}
    assert batch(sandbox, PLACE, given, given, headers=passed) == (200, "1", ["50036", "50036"])
    assert state(sandbox, "expired") == "51603"


def test_each_order_of_a_batch_counts(tmp_path: Path) -> None:
    sandbox = OkxSandbox(tmp_path)
    try:
        sandbox.control("POST", "/admin/limits", {"within_2s": {"POST /api/v5/trade/batch-orders": 3}, "others": 100})
        assert batch(sandbox, PLACE, RESTS, RESTS) == (200, "0", ["0", "0"])
        assert batch(sandbox, PLACE, RESTS, RESTS) == (429, "50011", []), "the fourth would be beyond the limit"
        other = {**RESTS, "instId": "ETH-USDT", "sz": "0.1", "px": "1000"}
        assert batch(sandbox, PLACE, other, other)[1] == "0", "each instrument has a limit of its own"
        sandbox.control("POST", "/admin/limits", {"within_2s": {"POST /api/v5/trade/order": 1}, "others": 100})
        assert batch(sandbox, PLACE, RESTS)[1] == "0"
        assert batch(sandbox, PLACE, RESTS)[1] == "50011", "one order counts as if it had come by itself"
    finally:
        sandbox.close()


# --- changes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "51500"),
        ({"newSz": "1000"}, "51502"),
        ({"newSz": "0.010000001"}, "51121"),
        ({"newPx": "20000.05"}, "51000"),
    ],
)
def test_an_order_that_can_t_be_changed_works_on_unless_it_is_to_be_cancelled(
    sandbox: OkxSandbox, change: dict[str, str], code: str
) -> None:
    name = f"change{code}"
    batch(sandbox, PLACE, {**RESTS, "clOrdId": name})
    given = {"instId": "BTC-USDT", "clOrdId": name, **change}
    assert sandbox.code("POST", AMEND, **given) == code
    assert state(sandbox, name) == "live"
    assert sandbox.code("POST", AMEND, **given, cxlOnFail=True) == code
    assert state(sandbox, name) == "canceled"
    assert sandbox.code("POST", AMEND, **given) == "51503"


def test_a_change_that_has_expired_cancels_nothing(sandbox: OkxSandbox) -> None:
    batch(sandbox, PLACE, {**RESTS, "clOrdId": "stays"})
    given = {"instId": "BTC-USDT", "clOrdId": "stays", "newSz": "1000", "cxlOnFail": True}
    passed = {"expTime": str(int(time.time() * 1000) - 100)}
    _, answer = sandbox.signed("POST", AMEND, headers=passed, **given)
    assert (answer["data"][0]["sCode"], state(sandbox, "stays")) == ("50036", "live")


# --- statuses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "given", "expected"),
    [
        ("GET", "trade/order", {"clOrdId": "nameless"}, (400, "50014")),
        ("GET", "trade/order", {"instId": "BTC-USDT"}, (200, "51003")),
        ("GET", "trade/order", {"instId": "BTC-USDT", "clOrdId": "nobody"}, (200, "51603")),
        ("GET", "account/positions", {"instType": "STOCK"}, (400, "51000")),
        ("GET", "account/bills", {"after": "yesterday"}, (400, "51000")),
        ("GET", "trade/fills", {"before": "1.5"}, (400, "51000")),
        ("GET", "market/candles", {"instId": "BTC-USDT", "after": "noon"}, (400, "51000")),
        ("POST", "trade/order", {**RESTS, "px": "high"}, (200, "1")),
    ],
)
def test_a_refusal_has_its_documented_status(
    sandbox: OkxSandbox, method: str, path: str, given: dict[str, str], expected: tuple[int, str]
) -> None:
    status, answer = sandbox.signed(method, path, **given)
    assert (status, answer["code"]) == expected


def test_a_key_without_the_right_is_refused_with_status_200(sandbox: OkxSandbox) -> None:
    status, answer = sandbox.signed("POST", "trade/order", key=1, **RESTS)
    assert (status, answer["code"]) == (200, "50120")
