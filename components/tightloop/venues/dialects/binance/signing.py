"""What Binance checks before it looks at a signed request: key, right, time, signature.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from tightloop.venues.dialects.binance.refusals import BinanceError, missing
from tightloop.venues.dialects.keys import ApiKey, Keys
from tightloop.venues.times import milliseconds, moment

LONGEST_WINDOW_MS = 60_000
USUAL_WINDOW_MS = 5_000
AHEAD_MS = 1_000


def parameters(query: str, body: str) -> dict[str, str]:
    """Of the query string and of the body. Raises BinanceError for one that is sent twice."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True) + parse_qsl(body, keep_blank_values=True):
        if name in found:
            raise BinanceError(-1101, f"Duplicate values for parameter '{name}' detected.")
        found[name] = value
    return found


def signed_by(keys: Keys, header: str | None, query: str, body: str, given: Mapping[str, str], right: str) -> ApiKey:
    """The key that signed this request, which has the right. Raises BinanceError."""
    key = known_key(keys, header, right)
    signature = given.get("signature")
    if not signature:
        raise missing("signature")
    if not hmac.compare_digest(signature.lower(), _signature(key.secret, query, body)):
        raise BinanceError(-1022, "Signature for this request is not valid.")
    return key


def known_key(keys: Keys, header: str | None, right: str) -> ApiKey:
    """The key of that name, which has the right. Raises BinanceError."""
    if not header:
        raise BinanceError(-2014, "API-key format invalid.", 401)
    key = keys.get(header)
    if key is None or right not in key.rights:
        raise BinanceError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
    return key


def _signature(secret: str, query: str, body: str) -> str:
    """Of query string and body, one after the other, without the signature itself."""
    parts = [part for part in f"{query}{body}".split("&") if not part.startswith("signature=")]
    return hmac.new(secret.encode(), "&".join(parts).encode(), hashlib.sha256).hexdigest()


class SignedTime:
    """When a request was signed, and for how long it may act."""

    def __init__(self, given: Mapping[str, str]) -> None:
        """Raises BinanceError for what is missing or no number."""
        self._at_ms = _number(given, "timestamp", None)
        self._window_ms = _number(given, "recvWindow", USUAL_WINDOW_MS)
        if not 0 < self._window_ms <= LONGEST_WINDOW_MS:
            raise BinanceError(-1131, "recvWindow must be less than 60000")
        self.at = moment(self._at_ms)

    def check(self, now: datetime, late: timedelta = timedelta(0)) -> None:
        """Raises BinanceError -1021. ``late``: judge it as if it had come so much later."""
        now_ms = milliseconds(now + late)
        if self._at_ms >= now_ms + AHEAD_MS:
            raise BinanceError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if now_ms - self._at_ms > self._window_ms:
            raise BinanceError(-1021, "Timestamp for this request is outside of the recvWindow.")


def _number(given: Mapping[str, str], name: str, usual: int | None) -> int:
    text = given.get(name)
    if not text:
        if usual is None:
            raise missing(name)
        return usual
    try:
        return int(float(text)) if name == "recvWindow" else int(text)
    except ValueError:
        raise BinanceError(
            -1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
        ) from None
