"""What the demo draws."""

from __future__ import annotations

from tightloop.cli.demo.summary import plot


def test_the_plot_ends_at_the_top() -> None:
    lines = plot([0.1, 0.2, 0.9, 1.0])
    assert lines[0].endswith("█")
    assert len({len(line) for line in lines[:-2]}) == 1
    assert plot([]) == ["(none)"]
