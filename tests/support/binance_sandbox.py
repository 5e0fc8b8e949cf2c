"""``tightloop sandbox binance`` in a process of its own, and requests to it that are signed as Binance documents it."""

from __future__ import annotations

import hashlib
import hmac
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

from tests.support.exchange_sandbox import ExchangeSandbox

PLENTY = 10**9
GENEROUS = {
    "uid": PLENTY,
    "spot": {"weight": {"1M": PLENTY}, "orders": {"10S": PLENTY, "1D": PLENTY}},
    "futures": {"weight": {"1M": PLENTY}, "orders": {"10S": PLENTY, "1M": PLENTY}},
}


class BinanceSandbox(ExchangeSandbox):
    name = "binance"
    generous = GENEROUS

    def heard(self, method: str, path: str) -> Any:
        """The answer of urllib, with its headers, whatever its status."""
        request = urllib.request.Request(f"{self.address}{path}", method=method)
        try:
            return urllib.request.urlopen(request, timeout=20)
        except urllib.error.HTTPError as refusal:
            return refusal

    def signed(self, method: str, path: str, key: int = 0, **given: Any) -> tuple[int, Any]:
        """As Binance documents it. ``None`` leaves a parameter out that is sent otherwise."""
        return self.signed_by(self.keys[key], method, path, **given)

    def signed_by(self, chosen: dict[str, Any], method: str, path: str, **given: Any) -> tuple[int, Any]:
        """The same, by a key of any account."""
        usual = {"recvWindow": 5000, "timestamp": int(time.time() * 1000)}
        text = urlencode({name: value for name, value in {**usual, **given}.items() if value is not None})
        signature = hmac.new(chosen["secret"].encode(), text.encode(), hashlib.sha256).hexdigest()
        return self.ask(method, path, f"{text}&signature={signature}", headers={"X-MBX-APIKEY": chosen["key"]})
