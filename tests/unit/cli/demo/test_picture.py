"""The picture at the end of the demo."""

from __future__ import annotations

import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tightloop.cli.demo import image
from tightloop.cli.demo.chart import svg
from tightloop.cli.demo.page import page
from tightloop.cli.demo.story import Compared, Halted, Key, Line, Loop, Story
from tightloop.cli.demo.warm_up import WarmUp

D = Decimal
KEY = Key(
    strategy_id="demo-<1>",
    lines=(Line("binance:BaseToken:BTC", ((1.0, D("0.5")), (4.0, D("-0.25")))),),
    loops=(
        Loop("i1", "cex_trade binance", 0.5, 1.0, "filled"),
        Loop("i2", "cex_trade binance", 1.0, 1.5, "rejected"),
        Loop("i3", "cex_trade binance", 2.0, 4.0, "halted"),
    ),
    compared=(Compared(1.0, "matched"), Compared(4.0, "mismatched")),
    halts=(Halted(4.0, None, "REC-002", "expected 1 & actual 2"),),
    held={"binance:BaseToken:BTC": D("9.75")},
)
STORY = Story(5.0, (KEY,))
FOUND: dict[str, Any] = {
    **dict.fromkeys(("instructions", "results", "matched", "mismatched", "rejected", "lost", "duplicates"), 3),
    "loop_ms": {"p50": 21.5, "p99": 40.0},
    "warm_up": WarmUp(instructions=30, seconds=2.0, first_ms=200.0, last_ms=20.0),
    "market": "synthetic, seed 1",
    "violations": [{"kind": "books-differ", "strategy_id": "demo-1", "message": "a < b"}],
    "halted": [{"strategy_id": "demo-1", "code": "REC-002", "cause": "expected 1 & actual 2"}],
    "refusals": [],
    "by_venue": [{"venue": "binance", "instructions": 3}],
    "by_type": [{"type": "cex_trade", "instructions": 3}],
}


def test_a_chart_is_well_formed_and_shows_loops_reconciliations_and_halts() -> None:
    drawn = ElementTree.fromstring(svg(KEY, 5.0))
    titles = [one.text or "" for one in drawn.iter("title")]
    assert "i2: cex_trade binance, rejected, 500 ms" in titles
    assert "REC-002: expected 1 & actual 2" in titles
    colours = [one.get("fill") for one in drawn.iter("rect") if one.get("y") == "186"]
    assert colours == ["#2ca02c", "#ff7f0e", "#d62728"]
    ticks = [one.get("stroke") for one in drawn.iter("line") if one.get("stroke")]
    assert ticks == ["#2ca02c", "#d62728"]


def test_a_line_rises_with_its_position_and_falls_with_it() -> None:
    (drawn,) = ElementTree.fromstring(svg(KEY, 5.0)).iter("polyline")
    heights = [float(place.split(",")[1]) for place in (drawn.get("points") or "").split()]
    assert heights[0] == 92.0  # nothing has changed
    assert heights[2] == 16.0  # its largest change: the top
    assert heights[-1] == 130.0  # half as much, the other way


def test_the_page_needs_nothing_beside_it_and_escapes_what_it_shows() -> None:
    text = page(STORY, FOUND)
    assert not re.search(r"<(script|link|img)|src=|url\(|href=", text)
    assert "demo-&lt;1&gt;" in text
    assert "a &lt; b" in text
    assert "after a warm-up of 30 instructions" in text
    assert "Nothing was rejected." in text


def test_the_image_is_a_png(tmp_path: Path) -> None:
    image.write_image(tmp_path / "p.png", STORY, "a title")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_there_is_none_and_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert image.can_draw()
    monkeypatch.setattr(sys, "meta_path", [])
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "matplotlib", raising=False)
    assert not image.can_draw()
