"""Instructions from files: every line becomes an instruction or a complaint about that line."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from tests.support.instruction_blocks import MARKET_BUY

from tightloop.client.files import Format, Parsed, parse
from tightloop.client.table.parquet import load
from tightloop.errors import ExecutionError

arrow, parquet = load()
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CSV = """instruction_id,strategy_id,type,venue,market,symbol,side,order_type,amount,reduce_only,metadata.desk
i1,s1,cex_trade,binance,spot,BTC/USDT,buy,market,0.1,,east
i2,s1,cex_trade,binance,perp,BTC/USDT:USDT,sell,market,0.1,true,
i3,s1,cex_trade,binance,spot,BTC/USDT,sideways,market,0.1,,
"""


def parsed(content: str, form: Format) -> Parsed:
    return parse(content.encode(), form, now=NOW)


def line(number: int, **changes: object) -> dict[str, object]:
    return {**MARKET_BUY, "instruction_id": f"i{number}", "amount": "0.1", **changes}


def test_csv_columns_are_fields_and_dots_reach_inside() -> None:
    found = parsed(CSV, "csv")
    first, second = found.instructions
    assert first.metadata == {"desk": "east"}
    assert first.cex_trade is not None
    assert second.cex_trade is not None
    assert (first.cex_trade.amount, second.cex_trade.reduce_only) == (Decimal("0.1"), True)
    assert found.lines == (2, 3)
    assert [(bad.line, bad.code) for bad in found.bad] == [(4, "EIM-007")]


def test_numbers_in_json_keep_every_digit() -> None:
    text = json.dumps(line(1)).replace('"0.1"', "0.123456789012345678")
    (instruction,) = parsed(text, "jsonl").instructions
    assert instruction.cex_trade is not None
    assert instruction.cex_trade.amount == Decimal("0.123456789012345678")


def test_a_json_document_may_be_a_list_or_a_single_one() -> None:
    assert len(parsed(json.dumps([line(1), line(2)]), "json").instructions) == 2
    assert len(parsed(json.dumps(line(1)), "json").instructions) == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (json.dumps(line(1, amount="1e60")), "EIM-007"),
        (json.dumps(line(1, amount="0.0000000000000000001")), "TLC-009"),
        (json.dumps(line(1)).replace('"0.1"', "NaN"), "EIM-007"),
        (json.dumps(line(1, symbol="BTCUSDT")), "EIM-007"),
        ("[1, 2]", "EIM-007"),
        ('"text"', "EIM-007"),
    ],
)
def test_a_bad_line_has_its_number_and_code_and_the_others_stand(text: str, code: str) -> None:
    found = parsed(f"{json.dumps(line(7))}\n{text}\n{json.dumps(line(8))}", "jsonl")
    assert [one.instruction_id for one in found.instructions] == ["i7", "i8"]
    assert [(bad.line, bad.code) for bad in found.bad] == [(2, code)]


def test_content_of_another_kind_is_refused_whole() -> None:
    with pytest.raises(ExecutionError):
        parse(b"\xff\xfe\x00", "jsonl", now=NOW)
    with pytest.raises(ExecutionError):
        parsed("a,b\n1,2\n", "csv")
    with pytest.raises(ExecutionError, match="EIM-007"):
        parsed("a,b\n1,2\n", "parquet")


def test_parquet_without_its_package_says_which_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExecutionError, match=r"BUS-001.*'pyarrow'") as refused:
        parse(b"PAR1", "parquet", now=NOW)
    assert "tightloop[export]" in refused.value.remedy


def test_parquet_holds_nested_fields_or_columns_with_dots() -> None:
    nested = {
        name: value for name, value in line(1).items() if name in ("instruction_id", "strategy_id", "type", "venue")
    }
    trade = {name: value for name, value in line(1, amount=Decimal("0.1")).items() if name not in nested}
    rows = [{**nested, "cex_trade": trade, "metadata.desk": "east"}]
    file = io.BytesIO()
    parquet.write_table(arrow.Table.from_pylist(rows), file)
    (instruction,) = parse(file.getvalue(), "parquet", now=NOW).instructions
    assert instruction.metadata == {"desk": "east"}
    assert instruction.cex_trade is not None
    assert instruction.cex_trade.amount == Decimal("0.1")


def test_defaults_stand_in_for_what_a_line_lacks() -> None:
    given = line(1)
    del given["strategy_id"]
    found = parse(json.dumps(given).encode(), "jsonl", defaults={"strategy_id": "mine"}, now=NOW)
    assert found.instructions[0].strategy_id == "mine"
