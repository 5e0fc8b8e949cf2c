"""The picture of the demo as one HTML page: no script, no font, no file beside it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from tightloop.cli.demo.chart import svg
from tightloop.cli.demo.story import Story
from tightloop.cli.output import shown

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2em auto; padding: 0 1em; color: #222; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; }
table { border-collapse: collapse; margin: .5em 0; } th, td { text-align: left; padding: .15em 1.2em .15em 0; }
th { border-bottom: 1px solid #999; font-weight: 600; } td { vertical-align: top; }
svg { width: 100%; height: auto; } svg text { font: 11px system-ui, sans-serif; fill: currentColor; }
.axis { stroke: #bbb; } .halt { fill: #d62728; opacity: .13; } svg .halted { fill: #d62728; }
.bad { color: #d62728; font-weight: 600; }
"""


def write_page(path: Path, story: Story, found: dict[str, Any]) -> None:
    """``found``: the document of ``--json``."""
    path.write_text(page(story, found), encoding="utf-8")


def page(story: Story, found: dict[str, Any]) -> str:
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>tightloop demo</title>',
        f"<style>{_STYLE}</style></head><body><h1>tightloop demo</h1>",
        *_figures(found),
        "<h2>What was halted, and why</h2>",
        _table(found["halted"], "Nothing was halted."),
        "<h2>What was rejected</h2>",
        _table(found["refusals"], "Nothing was rejected."),
        "<h2>By venue</h2>",
        _table(found["by_venue"]),
        "<h2>By type</h2>",
        _table(found["by_type"]),
        "<h2>Positions, loops and reconciliations of each strategy</h2>",
        "<p>Lines: what is expected, as a change since the start, each as a share of its largest change. "
        "Bars: loops, green for filled, orange for rejected, red for halted. Ticks: reconciliations, green for "
        "matched, red for mismatched. Red ground: halted.</p>",
    ]
    for key in story.keys:
        parts += [f"<h3>{escape(key.strategy_id)}</h3>", svg(key, story.seconds)]
    parts.append("<h2>Expected positions at the end, where they changed</h2>")
    held = [
        {"strategy_id": key.strategy_id, "position": position, "amount": amount}
        for key in story.keys
        for position, amount in key.held.items()
    ]
    return "\n".join([*parts, _table(held), "</body></html>\n"])


def _figures(found: dict[str, Any]) -> list[str]:
    ms, warm = found["loop_ms"] or {"p50": 0, "p99": 0}, found["warm_up"]
    lines = [
        f"<p>{found['instructions']} instructions, {found['results']} results, {found['matched']} matched, "
        f"{found['mismatched']} mismatched, {found['rejected']} rejected; <b>{found['lost']} lost, "
        f"{found['duplicates']} twice</b>, counted by an independent checker from the topics and the venues' own "
        "books.</p>",
        f"<p>A loop takes {ms['p50']:.1f} ms (p50), {ms['p99']:.1f} ms (p99), after a warm-up of "
        f"{warm.instructions} instructions in {warm.seconds:.1f} s.</p>",
        f"<p>Market: {escape(str(found['market']))}. All venues are simulated.</p>",
    ]
    bad = [f'<p class="bad">{escape(one["kind"])}: {escape(one["message"])}</p>' for one in found["violations"]]
    return lines + bad


def _table(rows: Sequence[dict[str, Any]], none: str = "-") -> str:
    if not rows:
        return f"<p>{none}</p>"
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(shown(value))}</td>" for value in row.values()) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
