"""Market data for a writer that waits for nobody: without a broker nothing is raised, and nothing is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tightloop.client import market_stream
from tightloop.client.market_stream import MarketStream
from tightloop.errors import ExecutionError
from tightloop.records.types import MarketData
from tightloop.runners.kafka.settings import KafkaSettings

NOW = datetime(2024, 5, 12, tzinfo=UTC)
QUOTE = MarketData(
    venue="binance", symbol="BTC/USDT", kind="quote", event_time=NOW, observed_at=NOW, last=Decimal(60000)
)


def test_without_a_broker_or_a_topic_it_is_said_once_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers: list[object] = [ExecutionError("EIF-011", "no Kafka broker answers"), {}, {}]

    def there(settings: KafkaSettings) -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(market_stream, "topics_there", there)
    stream = MarketStream(KafkaSettings(bootstrap="127.0.0.1:1"))
    assert [stream.offer([QUOTE]) for _ in range(3)] == [0, 0, 0]
    assert answers == []
    assert capsys.readouterr().out.count("market data is not published") == 1
    stream.close()


def test_what_is_offered_is_handed_over_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_stream, "topics_there", lambda settings: {"market_data": 8})
    stream = MarketStream(KafkaSettings(bootstrap="127.0.0.1:1"))
    assert stream.offer([QUOTE, QUOTE]) == 2
