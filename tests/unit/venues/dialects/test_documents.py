"""Requests are checked against an exchange's documents, and every endpoint that a sandbox serves has its row."""

from __future__ import annotations

from typing import Any

import pytest

from tightloop.venues.dialects.binance import documented
from tightloop.venues.dialects.binance.dialect import KEY_ALONE, _routes
from tightloop.venues.dialects.documents import Documents, endpoint

ORDER = endpoint(
    "POST /order", "trade", "symbol! side!=BUY|SELL quantity:decimal id:integer flag:flag", "https://x", "id symbol"
)
GOOD: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.5", "id": "7", "flag": "true"}


@pytest.mark.parametrize(
    ("changed", "kind", "words"),
    [
        ({}, None, ""),
        ({"id": 7, "flag": True}, None, ""),
        ({"symbl": "x"}, "unknown", "symbl is not documented"),
        ({"symbol": None}, "missing", "symbol is missing"),
        ({"side": "HOLD"}, "malformed", "side is 'HOLD', and BUY, SELL are documented"),
        ({"quantity": "1e3"}, "malformed", "quantity is '1e3', and no decimal"),
        ({"quantity": 0.5}, "malformed", "quantity is float, and text is documented"),
        ({"id": "7.5"}, "malformed", "id is '7.5', and no integer"),
        ({"flag": "yes"}, "malformed", "flag is 'yes', and no flag"),
        ({"quantity": ""}, "malformed", "quantity is empty"),
    ],
)
def test_what_is_not_as_documented_is_named(changed: dict[str, Any], kind: str | None, words: str) -> None:
    given = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    documents = Documents([ORDER])
    found = documents.note("POST /order", given)
    assert [(one.kind, one.words) for one in found] == ([] if kind is None else [(kind, words)])
    told: Any = documents.controls()["GET /admin/documents"]({}, b"")
    assert [one.what for one in told["violations"]] == [one.words for one in found]
    assert told["asked"] == {"POST /order": 1}


def test_one_of_two_ids_must_be_there() -> None:
    either = endpoint("GET /order", "read", "id other", "https://x", "id other")
    assert [one.words for one in either.problems({})] == ["id or other must be there"]
    assert either.problems({"other": "x"}) == []


def test_a_row_that_says_no_parameter_is_refused() -> None:
    with pytest.raises(ValueError, match="says no parameter"):
        endpoint("GET /order", "read", "symbol:word", "https://x")


RIGHTS = {
    None: ("none",),
    "read": ("read", "key"),
    "trade": ("trade",),
    "withdraw": ("withdraw",),
    KEY_ALONE: ("key",),
}


def test_each_endpoint_that_the_sandbox_of_binance_serves_is_documented() -> None:
    rows = {one.name: one for one in documented.ENDPOINTS}
    routes = _routes()
    assert len(rows) == len(documented.ENDPOINTS), "one row each"
    assert rows.keys() == routes.keys()
    assert [name for name, route in routes.items() if rows[name].security not in RIGHTS[route.right]] == []
    assert [name for name, row in rows.items() if not row.source.startswith("https://developers.binance.com/")] == []
