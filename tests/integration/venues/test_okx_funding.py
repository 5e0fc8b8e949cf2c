"""``tightloop sandbox okx``: its funding account, by a stranger's ccxt script and by OKX's documents."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from tests.support.okx_sandbox import OkxSandbox

from .test_okx_sandbox import connected

D = Decimal
NUMBERS = count(1)
TAKE, TAKEN, MOVE = "asset/withdrawal", "asset/withdrawal-history", "asset/transfer"
STATE, THERE, BILLS = "asset/transfer-state", "asset/balances", "account/bills"
OUT = {"ccy": "USDT", "amt": "50", "dest": "4", "toAddr": "0x" + "ab" * 20, "chain": "USDT-ERC20"}
IN = {"ccy": "USDT", "amt": "300", "from": "18", "to": "6"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OkxSandbox]:
    found = OkxSandbox(tmp_path_factory.mktemp("okx"))
    yield found
    found.close()


@pytest.fixture
def key(sandbox: OkxSandbox) -> dict[str, Any]:
    """Of an account of its own, that may withdraw."""
    found: dict[str, Any] = sandbox.control("POST", "/admin/keys", account=f"a{next(NUMBERS)}", withdraw="true")[0]
    return found


async def treasury(sandbox: OkxSandbox, sender: dict[str, Any], receiver: dict[str, Any]) -> dict[str, Any]:
    """Written for OKX: one account sends money to another, by way of their funding accounts."""
    one, other = connected(sandbox, sender), connected(sandbox, receiver)
    told: dict[str, Any] = {}
    try:
        await one.load_markets()
        await other.load_markets()
        told["currency"] = one.currencies["USDT"]
        told["address"] = await other.fetch_deposit_address("USDT", {"network": "ERC20"})
        told["moved"] = await one.transfer("USDT", 300, "trading", "funding")
        told["transfer"] = await one.fetch_transfer(told["moved"]["id"])
        told["funds"] = await one.fetch_balance({"type": "funding"})
        own_id = {"network": "ERC20", "clientId": "mine1"}
        told["withdrawn"] = await one.withdraw("USDT", 50, told["address"]["address"], own_id)
        told["under way"] = await one.fetch_withdrawals("USDT")
        await asyncio.sleep(3.2)  # two seconds until it is sent, and one until it is credited
        told["withdrawals"] = await one.fetch_withdrawals("USDT", None, None, {"clientId": "mine1"})
        told["deposits"] = await other.fetch_deposits("USDT")
        told["arrived"] = await other.fetch_balance({"type": "funding"})
    finally:
        await one.close()
        await other.close()
    return told


def test_a_strangers_script_moves_money(sandbox: OkxSandbox, key: dict[str, Any]) -> None:
    told = asyncio.run(treasury(sandbox, key, sandbox.control("POST", "/admin/keys", account="receiver")[0]))
    assert told["currency"]["networks"]["ERC20"]["fee"] == 2
    assert (told["transfer"]["amount"], told["transfer"]["status"]) == (300, "ok")
    assert told["funds"]["USDT"]["total"] == 300
    assert [one["status"] for one in told["under way"]] == ["pending"]
    (withdrawal,), (deposit,) = told["withdrawals"], told["deposits"]
    assert (withdrawal["id"], withdrawal["status"]) == (told["withdrawn"]["id"], "ok")
    assert (withdrawal["amount"], withdrawal["fee"]["cost"]) == (50, 2)
    assert (deposit["amount"], deposit["status"], deposit["txid"]) == (50, "ok", withdrawal["txid"])
    assert deposit["addressTo"] == told["address"]["address"]
    assert told["arrived"]["USDT"]["total"] == 50


def test_money_lies_in_one_of_the_two_accounts(sandbox: OkxSandbox, key: dict[str, Any]) -> None:
    assert sandbox.done("GET", THERE, key) == []
    assert sandbox.code("POST", TAKE, key, **OUT) == "58350", "what is to be withdrawn lies in the trading account"
    (moved,) = sandbox.done("POST", MOVE, key, **IN, clientId="c1")
    for named in ({"transId": moved["transId"]}, {"clientId": "c1"}):
        (state,) = sandbox.done("GET", STATE, key, **named)
        assert [state[name] for name in ("state", "amt", "from", "to")] == ["success", "300", "18", "6"]
    assert sandbox.done("GET", STATE, key, clientId="c2") == []
    assert sandbox.code("GET", STATE, key) == "50015"
    (bill,) = sandbox.done("GET", BILLS, key, type="1")
    assert [bill[name] for name in ("balChg", "from", "to")] == ["-300", "18", "6"]
    sandbox.done("POST", TAKE, key, **OUT, clientId="w1")
    assert [row["bal"] for row in sandbox.done("GET", THERE, key, ccy="USDT")] == ["248"]
    assert len(sandbox.done("GET", BILLS, key, type="1")) == 1, "it was none of the trading account's"
    sandbox.done("POST", MOVE, key, **(IN | {"amt": "8", "from": "6", "to": "18"}))
    assert [bill["balChg"] for bill in sandbox.done("GET", BILLS, key, type="1")] == ["8", "-300"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"ccy": "DOGE"}, "58200"),
        ({"chain": "USDT-TRC20"}, "58200"),
        ({"dest": "3"}, "58200"),
        ({"toAddr": "nowhere"}, "58207"),
        ({"amt": "9"}, "58206"),
        ({"amt": "299"}, "58350"),
        ({"amt": "much"}, "51000"),
        ({"clientId": "not-letters"}, "51000"),
    ],
)
def test_a_withdrawal_that_breaks_a_rule_is_refused_by_its_number(
    sandbox: OkxSandbox, key: dict[str, Any], changed: dict[str, Any], code: str
) -> None:
    sandbox.done("POST", MOVE, key, **IN)
    assert sandbox.code("POST", TAKE, key, **(OUT | changed)) == code


@pytest.mark.parametrize("changed", [{"to": "18"}, {"from": "7"}, {"type": "1"}, {"amt": "100000000"}])
def test_a_transfer_that_breaks_a_rule_is_refused(
    sandbox: OkxSandbox, key: dict[str, Any], changed: dict[str, str]
) -> None:
    assert sandbox.code("POST", MOVE, key, **(IN | changed)) == ("58350" if "amt" in changed else "51000")


def test_an_id_is_refused_while_a_withdrawal_with_it_is_under_way(sandbox: OkxSandbox, key: dict[str, Any]) -> None:
    sandbox.done("POST", MOVE, key, **IN)
    sandbox.done("POST", TAKE, key, **OUT, clientId="w1")
    assert sandbox.code("POST", TAKE, key, **OUT, clientId="w1") == "51000"
    assert [row["state"] for row in sandbox.done("GET", TAKEN, key, clientId="w1")] == ["0"]
    assert sandbox.done("GET", TAKEN, key, clientId="w2") == []


def test_a_key_without_the_right_withdraws_nothing(sandbox: OkxSandbox) -> None:
    assert [sandbox.code("POST", TAKE, number, **OUT) for number in (0, 1)] == ["50120", "50120"]
    assert sandbox.code("POST", MOVE, 1, **IN) == "50120", "it only reads"
