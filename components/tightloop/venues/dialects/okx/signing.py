"""What OKX checks before it looks at a signed request: key, passphrase, time, signature, right, and when it expires.

https://www.okx.com/docs-v5/en, "REST Authentication": a request is taken for 30 s around its time; ``expTime`` makes
that shorter for what places and amends orders. That it has passed is told of the order, as OKX's demo trading does.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from tightloop.venues.dialects.keys import ApiKey, Keys
from tightloop.venues.dialects.okx.refusals import OkxError
from tightloop.venues.times import milliseconds

TAKEN_FOR_S = 30.0
_EXPIRING = ("/api/v5/trade/order", "/api/v5/trade/batch-orders", "/api/v5/trade/amend-order")
_NEEDED = (
    ("OK-ACCESS-KEY", "50103"),
    ("OK-ACCESS-PASSPHRASE", "50104"),
    ("OK-ACCESS-SIGN", "50106"),
    ("OK-ACCESS-TIMESTAMP", "50107"),
)


class SignedTime:
    """When a request was signed, and until when it may act."""

    def __init__(self, headers: Mapping[str, str], path: str, now: datetime) -> None:
        """Raises OkxError for what is no time."""
        try:
            found = datetime.fromisoformat(headers["OK-ACCESS-TIMESTAMP"])
        except ValueError:
            raise OkxError("50112", "Invalid OK-ACCESS-TIMESTAMP") from None
        self.at = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        expires = headers.get("expTime", "") if path in _EXPIRING else ""
        self._expires_ms = int(expires) if expires.isdecimal() else None
        self._came_expired = self._expires_ms is not None and milliseconds(now) > self._expires_ms

    def refuse_expired(self) -> None:
        """Raises OkxError 50036 where it had expired when it came: told of each order, as 50037 is."""
        if self._came_expired:
            raise OkxError("50036", "The expTime can't be earlier than the current system time.")

    def refuse_untimely(self, at: datetime) -> None:
        """Raises OkxError 50102."""
        if abs(at - self.at) > timedelta(seconds=TAKEN_FOR_S):
            raise OkxError("50102", "Timestamp request expired")

    def check(self, now: datetime, late: timedelta = timedelta(0)) -> None:
        """Raises OkxError 50102, 50037. ``late``: judge it as if it had come so much later."""
        at = now + late
        self.refuse_untimely(at)
        if self._expires_ms is not None and milliseconds(at) > self._expires_ms:
            raise OkxError("50037", "Order expired.")


def signed_by(keys: Keys, headers: Mapping[str, str], text: str, right: str) -> ApiKey:
    """The key that signed this, which has the right. ``text``: method, path with query, body. Raises OkxError."""
    for name, code in _NEEDED:
        if not headers.get(name):
            raise OkxError(code, f'Request header "{name}" can\'t be empty.')
    key = keys.get(headers["OK-ACCESS-KEY"])
    if key is None:
        raise OkxError("50111", "Invalid OK-ACCESS-KEY")
    if key.demo is not None and key.demo != (headers.get("x-simulated-trading") == "1"):
        raise OkxError("50101", "APIKey does not match current environment.")
    if not hmac.compare_digest(headers["OK-ACCESS-PASSPHRASE"], key.passphrase):
        raise OkxError("50105", 'Request header "OK-ACCESS-PASSPHRASE" incorrect.')
    if not hmac.compare_digest(headers["OK-ACCESS-SIGN"], signature(key.secret, headers["OK-ACCESS-TIMESTAMP"] + text)):
        raise OkxError("50113", "Invalid Sign")
    if right not in key.rights:
        raise OkxError("50120", "This API key doesn't have permission to use this function.")
    return key


def signature(secret: str, text: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()
