"""Records as pandas frames: the dtypes, and what each of them holds."""

from __future__ import annotations

import sys
from datetime import datetime
from decimal import Decimal

import pandas
import pytest
from tests.support.received import AT, received

from tightloop.client.consumer import ResultConsumer
from tightloop.client.ranges import spans
from tightloop.client.reader import TopicReader
from tightloop.client.table.columns import TopicTable
from tightloop.client.table.frames import frame_of, load_pandas
from tightloop.errors import ExecutionError
from tightloop.records.types import Delta, ErrorInfo, ExecutionReport
from tightloop.runners.kafka.settings import KafkaSettings

FILLS = TopicTable("fills")
NOWHERE = KafkaSettings(bootstrap="127.0.0.1:1")


def fill(number: int, error: ErrorInfo | None = None) -> ExecutionReport:
    amount = Decimal("0.1") + Decimal(number).scaleb(-18)
    return ExecutionReport(
        report_id=f"r{number}",
        report_no=number,
        strategy_id="s1",
        loop_no=2**53 + number,
        loop_kind="execute",
        kind="final",
        outcome="filled",
        lane="binance",
        venue="binance",
        account="s1",
        amount=amount,
        deltas=(Delta(position_key="binance:BaseToken:BTC", amount=amount, source="trade"),),
        simulated=True,
        event_time=AT,
        observed_at=AT,
        produced_at=AT,
        error=error,
    )


def frame(*records: ExecutionReport) -> pandas.DataFrame:
    return frame_of(FILLS, [FILLS.row(received("fills", one, offset)) for offset, one in enumerate(records)])


DTYPES = {
    "kafka_topic": "string",
    "kafka_partition": "Int64",
    "kafka_offset": "Int64",
    "kafka_timestamp": "datetime64[us, UTC]",
    "kafka_key": "string",
    "instruction_id": "string",
    "outcome": "string",
    "loop_no": "Int64",
    "chain_id": "Int64",
    "simulated": "boolean",
    "amount": "object",
    "cost": "object",
    "deltas": "object",
    "event_time": "datetime64[us, UTC]",
    "error.code": "string",
}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_dtypes_are_the_same_whatever_the_rows_hold(count: int) -> None:
    found = frame(*(fill(number) for number in range(count))).dtypes
    assert {name: str(found[name]) for name in DTYPES} == DTYPES
    assert set(found.astype(str)) <= {"string", "Int64", "boolean", "object", "datetime64[us, UTC]"}


def test_values_are_what_the_records_hold() -> None:
    found = frame(fill(1), fill(2, error=ErrorInfo(code="EXI-001", message="no", severity="HIGH")))
    assert list(found["amount"]) == [Decimal("0.100000000000000001"), Decimal("0.100000000000000002")]
    assert found["amount"].sum() == Decimal("0.200000000000000003")
    assert list(found["loop_no"]) == [2**53 + 1, 2**53 + 2]
    assert list(found["event_time"]) == [pandas.Timestamp(AT)] * 2
    assert found["deltas"][0][0]["amount"] == Decimal("0.100000000000000001")
    assert (found["error.code"].isna().tolist(), found["error.code"][1]) == ([True, False], "EXI-001")
    assert found["cost"].tolist() == [None, None]
    assert found["chain_id"].isna().all()


def test_frames_of_the_same_topic_join_without_a_change_of_dtypes() -> None:
    joined = pandas.concat([frame(), frame(fill(1)), frame(fill(2))])
    assert list(joined.dtypes) == list(frame().dtypes)
    assert list(joined["kafka_offset"]) == [0, 0]


def test_without_pandas_a_frame_is_bus_001(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ExecutionError, match=r"BUS-001.*'pandas'") as refused:
        load_pandas()
    assert "tightloop[pandas]" in refused.value.remedy


def test_a_time_without_its_zone_is_bus_003() -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 what is refused
    with pytest.raises(ExecutionError, match=r"BUS-003.*2026-01-01T00:00:00 names no time zone"):
        ResultConsumer("fills", "127.0.0.1:1", from_=naive)
    with pytest.raises(ExecutionError, match="BUS-003"):
        TopicReader(NOWHERE, ["fills"], naive)
    for from_, to in ((naive, None), (None, naive), (AT, naive)):
        with pytest.raises(ExecutionError, match="BUS-003"):
            spans(NOWHERE, ["fills"], from_, to)
