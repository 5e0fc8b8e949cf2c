"""Position keys."""

from __future__ import annotations

import pytest

from tightloop.domain import positions
from tightloop.domain.positions import PositionKey
from tightloop.errors import ExecutionError


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("binance:BaseToken:BTC", PositionKey("binance", "BaseToken", "BTC")),
        ("binance@sub-1:BaseToken:BTC", PositionKey("binance", "BaseToken", "BTC", "sub-1")),
        ("binance:Perp:BTC/USDT:USDT", PositionKey("binance", "Perp", "BTC/USDT:USDT")),
        ("morpho:Supply:0xb323495f7e4148be5643a4ea4a8221eef163e4bccfdedc2a6f4696baacbc86cc", None),
        ("transit:s1-7:USDT", PositionKey("transit", "s1-7", "USDT")),
    ],
)
def test_keys_split_at_the_first_two_colons_and_come_back(text: str, key: PositionKey | None) -> None:
    parsed = PositionKey.parse(text)
    assert key is None or parsed == key
    assert str(parsed) == text


@pytest.mark.parametrize(
    "text", ["", "binance", "binance:BaseToken", "binance:BaseToken:", ":BaseToken:BTC", "a::b", "a@:b:c"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ExecutionError) as caught:
        positions.parse_key(text)
    assert caught.value.code == "PUH-007"
    assert "venue[@account]:type:symbol" in caught.value.message


def test_a_key_is_bare_for_the_strategys_own_account() -> None:
    make = positions.position_key
    assert make("okx", "BaseToken", "BTC", account="s1", strategy_id="s1") == "okx:BaseToken:BTC"
    assert make("okx", "BaseToken", "BTC", account="main", strategy_id="s1") == "okx@main:BaseToken:BTC"


def test_a_bare_key_lies_in_the_strategys_own_account() -> None:
    assert positions.parse_key("okx:BaseToken:BTC").account_of("s1") == "s1"
    assert positions.parse_key("okx@main:BaseToken:BTC").account_of("s1") == "main"
