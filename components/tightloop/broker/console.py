"""Shows the broker's progress to a person: live on a terminal, one plain line per step in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from tightloop.broker.steps import Report, Step


@contextmanager
def console_progress(stream: TextIO | None = None) -> Iterator[Report]:
    """A callback that shows steps on ``stream`` (standard error unless given), for the time of the block."""
    target = stream or sys.stderr
    if target.isatty():
        with _live(target) as report:
            yield report
    else:
        yield _Plain(target)


class _Plain:
    """A line when a step begins, and one when what it counts is complete."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = ""
        self._began = 0.0

    def __call__(self, step: Step) -> None:
        if step.text != self._text:
            self._text, self._began = step.text, time.monotonic()
            self._write(f"{step.text}{f' ({step.total / 1e6:.0f} MB)' if step.total else ''}")
        if step.total and step.done >= step.total:
            self._write(f"{step.text}: done in {time.monotonic() - self._began:.1f} s")

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


@contextmanager
def _live(stream: TextIO) -> Iterator[Report]:
    # Imported here: needed on a terminal only.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[size]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def report(step: Step) -> None:
            if step.text not in tasks:
                for earlier in tasks.values():
                    progress.update(earlier, visible=False)
                tasks[step.text] = progress.add_task(step.text, total=step.total or None, size="")
            size = f"{step.done / 1e6:.0f}/{step.total / 1e6:.0f} MB" if step.total else ""
            progress.update(tasks[step.text], completed=step.done, size=size)

        yield report
