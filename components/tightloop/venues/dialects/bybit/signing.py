"""What Bybit checks before it looks at a signed request: key, time, signature, right.

https://bybit-exchange.github.io/docs/v5/guide#authentication
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tightloop.venues.dialects.bybit.refusals import BybitError, GatewayError, wrong_parameter
from tightloop.venues.dialects.keys import ApiKey, Keys
from tightloop.venues.times import milliseconds, moment

USUAL_WINDOW_MS = 5_000
AHEAD_MS = 1_000


def parameters(method: str, query: str, body: str) -> dict[str, Any]:
    """Of the query, or of the body, which is JSON; without those that are null. Raises BybitError."""
    if method != "POST":
        return dict(parse_qsl(query, keep_blank_values=True))
    try:
        found = msgspec.json.decode(body or "{}", type=dict[str, Any])
    except msgspec.DecodeError:
        raise wrong_parameter("the body is no JSON object") from None
    return {name: value for name, value in found.items() if value is not None}


def texts(given: Mapping[str, Any]) -> dict[str, str]:
    """The same as text: ``true``, ``5``."""
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}


class SignedTime:
    """When a request was signed, and for how long it may act."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """Raises BybitError for what is missing or no number."""
        self._at_ms = _number(headers.get("X-BAPI-TIMESTAMP", ""))
        self._window_ms = _number(headers.get("X-BAPI-RECV-WINDOW") or str(USUAL_WINDOW_MS))
        self.at = moment(self._at_ms)

    def check(self, now: datetime, late: timedelta = timedelta(0)) -> None:
        """Raises BybitError 10002. ``late``: judge it as if it had come so much later."""
        now_ms = milliseconds(now + late)
        if not now_ms - self._window_ms <= self._at_ms < now_ms + AHEAD_MS:
            raise BybitError(
                10002,
                "invalid request, please check your server timestamp or recv_window param. "
                f"req_timestamp[{self._at_ms}],server_timestamp[{now_ms}],recv_window[{self._window_ms}]",
            )


def known_key(keys: Keys, headers: Mapping[str, str]) -> ApiKey:
    """The key of that name. Raises BybitError, GatewayError."""
    name = headers.get("X-BAPI-API-KEY")
    if not name or not headers.get("X-BAPI-SIGN"):
        raise GatewayError(401, "Invalid request: authentication params must be in the request header")
    key = keys.get(name)
    if key is None:
        raise BybitError(10003, "API key is invalid.")
    return key


def check_signature(key: ApiKey, headers: Mapping[str, str], signed: str) -> None:
    """``signed``: the query string, or the body, as they came. Raises BybitError."""
    window = headers.get("X-BAPI-RECV-WINDOW", "")
    text = f"{headers.get('X-BAPI-TIMESTAMP', '')}{key.key}{window}{signed}"
    if not hmac.compare_digest(headers["X-BAPI-SIGN"].lower(), signature(key.secret, text)):
        raise BybitError(10004, "Error sign, please check your signature generation algorithm.")


def check_right(key: ApiKey, right: str) -> None:
    """Raises BybitError."""
    if right not in key.rights:
        raise BybitError(10005, "Permission denied, please check your API key permissions.")


def signature(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 14:
        raise BybitError(10002, "The request time exceeds the time window range.")
    return int(text)
