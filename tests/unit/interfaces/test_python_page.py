"""The Python blocks of docs/python.md run, one after another, as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "python.md"


def test_every_block_of_the_page_runs_and_says_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 9
    names: dict[str, Any] = {}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"{PAGE.name}, block {number}", "exec"), names)
    told = capsys.readouterr().out
    assert told.startswith("filled {'binance:BaseToken:USDT': Decimal('-6000.6')") or "Decimal('-6000.6')" in told
    assert "2024-05-12 08:00:00+00:00" in told
    assert "True -0.5" in told
    assert "EIM-013" in told
    assert names["funded"]["execution_deltas"]["wallet:BaseToken:USDT"] == 998
    assert names["lent"]["outcome"] == "filled"
    assert told.rstrip().endswith("True\nFalse")
    assert {one["outcome"] for one in names["manager"].routing_history} == {"filled"}
