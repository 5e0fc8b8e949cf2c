"""The picture of one strategy as SVG: its positions over time, its loops, its reconciliations, and what halted it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from tightloop.cli.demo.story import Compared, Halted, Key, Line, Loop
from tightloop.client.plain import amount

WIDTH, HEIGHT = 960, 250
LEFT, RIGHT = 12, 250  # margins: the names of the lines stand to the right
TOP, FLOOR = 16, 168  # of the positions; the loops are below
LOOPS, TICKS = 186, 214
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b")
ENDED = {"filled": "#2ca02c", "rejected": "#ff7f0e", "halted": "#d62728"}
OTHER = "#7f7f7f"
COMPARED = {"matched": "#2ca02c", "mismatched": "#d62728"}


def svg(key: Key, seconds: float) -> str:
    """``seconds``: how long the whole demo traded, which is the width."""
    scale = _Scale(seconds)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(key.strategy_id)}">',
        *(_halt(one, scale) for one in key.halts),
        f'<line x1="{LEFT}" x2="{scale.end}" y1="{_middle()}" y2="{_middle()}" class="axis"/>',
        *_lines(key.lines, scale),
        *(_loop(one, scale) for one in key.loops),
        *(_tick(one, scale) for one in key.compared),
        *_words(seconds, scale),
        "</svg>",
    ]
    return "\n".join(parts)


class _Scale:
    def __init__(self, seconds: float) -> None:
        self.end = WIDTH - RIGHT
        self._seconds = max(seconds, 0.001)

    def x(self, at: float) -> float:
        return round(LEFT + (self.end - LEFT) * min(max(at / self._seconds, 0.0), 1.0), 1)


def _middle() -> float:
    return (TOP + FLOOR) / 2


def _lines(lines: tuple[Line, ...], scale: _Scale) -> Iterator[str]:
    """Each as a share of its own largest change, as amounts of different assets have no common scale."""
    half = (FLOOR - TOP) / 2
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        places, last = [(float(LEFT), _middle())], _middle()
        for at, changed in line.points:
            share = float(changed / line.largest) if line.largest else 0.0
            places += [(scale.x(at), last), (scale.x(at), round(_middle() - half * share, 1))]
            last = places[-1][1]
        drawn = " ".join(f"{x},{y}" for x, y in [*places, (scale.end, last)])
        yield f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
        y = TOP + 14 * number + 4
        label = f"{line.position_key} (±{amount(line.largest)})"
        yield f'<text x="{scale.end + 10}" y="{y}" fill="{colour}">{escape(label)}</text>'


def _loop(loop: Loop, scale: _Scale) -> str:
    begin, width = scale.x(loop.begin), max(scale.x(loop.end) - scale.x(loop.begin), 1.0)
    told = f"{loop.instruction_id}: {loop.what}, {loop.ended}, {(loop.end - loop.begin) * 1000:.0f} ms"
    return (
        f'<rect x="{begin}" y="{LOOPS}" width="{width:.1f}" height="16" fill="{ENDED.get(loop.ended, OTHER)}">'
        f"<title>{escape(told)}</title></rect>"
    )


def _tick(one: Compared, scale: _Scale) -> str:
    x, colour = scale.x(one.at), COMPARED.get(one.status, OTHER)
    return f'<line x1="{x}" x2="{x}" y1="{TICKS}" y2="{TICKS + 12}" stroke="{colour}" stroke-width="1.5"/>'


def _halt(halt: Halted, scale: _Scale) -> str:
    begin = scale.x(halt.begin)
    end = scale.end if halt.until is None else scale.x(halt.until)
    return (
        f'<rect x="{begin}" y="{TOP}" width="{max(end - begin, 1):.1f}" height="{TICKS - TOP}" class="halt">'
        f"<title>{escape(f'{halt.code}: {halt.cause}')}</title></rect>"
        f'<text x="{begin + 3}" y="{TOP + 10}" class="halted">halted: {escape(halt.code)}</text>'
    )


def _words(seconds: float, scale: _Scale) -> list[str]:
    beside = scale.end + 10
    return [
        f'<text x="{beside}" y="{LOOPS + 12}">loops, dispatch to result</text>',
        f'<text x="{beside}" y="{TICKS + 10}">reconciliations</text>',
        f'<text x="{LEFT}" y="{HEIGHT - 4}">0 s</text>',
        f'<text x="{scale.end}" y="{HEIGHT - 4}" text-anchor="end">{seconds:.1f} s</text>',
    ]
