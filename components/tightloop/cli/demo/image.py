"""The picture of the demo as PNG, by matplotlib (``pip install tightloop[demo]``)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tightloop.cli.demo.chart import COLOURS, COMPARED, ENDED, OTHER
from tightloop.cli.demo.story import Key, Story
from tightloop.client.plain import amount

MOST = 8  # strategies that are drawn
WITHOUT = "no PNG: matplotlib is not installed (pip install 'tightloop[demo]')"


def can_draw() -> bool:
    return find_spec("matplotlib") is not None


def write_image(path: Path, story: Story, title: str) -> None:
    """A row for each strategy: its positions to the left, its loops, reconciliations and halts to the right."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    keys = story.keys[:MOST]
    figure = Figure(figsize=(17, 1.2 + 2.3 * len(keys)), layout="constrained")
    FigureCanvasAgg(figure)
    rows = figure.subplots(len(keys), 2, squeeze=False, sharex=True)
    figure.suptitle(title)
    rows[0][0].set_title("expected positions: change since the start, as a share of the largest (±)", fontsize=9)
    rows[0][1].set_title(
        "loops: green filled, orange rejected, red halted; ticks: reconciliations, green matched, red mismatched",
        fontsize=9,
    )
    for (left, right), key in zip(rows, keys, strict=True):
        _draw_positions(left, key, story.seconds)
        _draw_loops(right, key, story.seconds)
    for below in rows[-1]:
        below.set_xlabel("seconds")
    figure.savefig(path, dpi=100)


def _draw_positions(axes: Any, key: Key, seconds: float) -> None:
    for number, line in enumerate(key.lines):
        shares = [float(changed / line.largest) if line.largest else 0.0 for _, changed in line.points]
        times = [at for at, _ in line.points]
        label = f"{line.position_key} (±{amount(line.largest)})"
        axes.step([0, *times, seconds], [0, *shares, shares[-1]], where="post", color=COLOURS[number], label=label)
    axes.set_ylabel(key.strategy_id)
    axes.set_ylim(-1.1, 1.1)
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    _shade(axes, key, seconds)


def _draw_loops(axes: Any, key: Key, seconds: float) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    for loop in key.loops:
        colour = ENDED.get(loop.ended, OTHER)
        axes.plot([loop.end], [(loop.end - loop.begin) * 1000], marker="o", markersize=4, color=colour)
    for one in key.compared:
        axes.axvline(one.at, ymax=0.06, color=COMPARED.get(one.status, OTHER), linewidth=1)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("loop, ms")
    for halt in key.halts:
        axes.annotate(f"halted: {halt.code}", (halt.begin, 0.9), xycoords=("data", "axes fraction"), fontsize=7)
    _shade(axes, key, seconds)


def _shade(axes: Any, key: Key, seconds: float) -> None:
    for halt in key.halts:
        axes.axvspan(halt.begin, seconds if halt.until is None else halt.until, color=ENDED["halted"], alpha=0.13)
