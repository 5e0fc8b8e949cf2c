"""Instructions as plain data, as publishers and files have them."""

from __future__ import annotations

from typing import Any

MARKET_BUY: dict[str, Any] = {
    "instruction_id": "i1",
    "strategy_id": "s1",
    "type": "cex_trade",
    "venue": "binance",
    "market": "spot",
    "symbol": "BTC/USDT",
    "side": "buy",
    "order_type": "market",
    "amount": 0.1,
}
