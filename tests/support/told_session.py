"""A session that answers as it is told to, in place of one with an exchange."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ToldSession:
    """``answers``: by ccxt's name of an endpoint, one for all questions. ``asked``: what came, in its order."""

    def __init__(self, answers: Mapping[str, Any], markets: Mapping[str, Any] | None = None) -> None:
        self._answers = answers
        self._markets = markets or {}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def ask(self, endpoint: str, given: Mapping[str, Any]) -> Any:
        self.asked.append((endpoint, dict(given)))
        answer = self._answers[endpoint]
        return answer(given) if callable(answer) else answer

    async def markets(self) -> Mapping[str, Any]:
        return self._markets


def bybit_list(*rows: Any) -> dict[str, Any]:
    """One page of Bybit's, and the last."""
    return {"retCode": 0, "result": {"list": list(rows), "nextPageCursor": ""}}
