"""What was measured, for a person."""

from __future__ import annotations

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from tightloop.bench.codecs import CodecCost
from tightloop.bench.inprocess import InProcess
from tightloop.bench.live import LiveExecutor
from tightloop.bench.recovery import Idle, Recovered
from tightloop.bench.speed import Speed

# What the loop is held to, beside the ring on the same machine: its time at one key, its rate at more.
P50_RATIO = {1: 1.5}
RATE_RATIO = {64: 0.35, 1024: 0.06}
# What a live lane's executor is held to.
LIVE_OWN_MS, LIVE_MB = 5.0, 220.0


class Report(Struct, frozen=True, kw_only=True):
    """Everything one run of the bench found out."""

    machine: str
    speeds: list[Speed] = []
    idle: list[Idle] = []
    recoveries: list[Recovered] = []
    codecs: list[CodecCost] = []
    inprocess: list[InProcess] = []
    live: list[LiveExecutor] = []


def show(report: Report, console: Console) -> None:
    console.print(report.machine)
    if report.speeds:
        console.print(_speeds(report.speeds))
        console.print(_processors(report.speeds))
    if report.idle:
        console.print(_idle(report.idle))
    if report.recoveries:
        console.print(_recoveries(report.recoveries))
    if report.codecs:
        console.print(_codecs(report.codecs))
    if report.inprocess:
        console.print(_in_process(report.inprocess))
    if report.live:
        console.print(_live(report.live))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table


def _speeds(speeds: list[Speed]) -> Table:
    table = _table(
        "Ring of five transactions, and the whole loop (a round is from one result of a key to its next)",
        "keys",
        "ring loops/s",
        "ring p50/p99 ms",
        "loop loops/s",
        "loop p50/p99 ms",
        "rate ratio",
        "p50 ratio",
        "publish to result ms",
    )
    for one in speeds:
        answer = "" if one.answer_p50_ms is None else f"{one.answer_p50_ms:.1f}"
        table.add_row(
            str(one.keys),
            f"{one.ring_per_second:.0f}",
            f"{one.ring_p50_ms:.1f} / {one.ring_p99_ms:.1f}",
            f"{one.loop_per_second:.0f}",
            f"{one.loop_p50_ms:.1f} / {one.loop_p99_ms:.1f}",
            _judged(one.rate_ratio, RATE_RATIO.get(one.keys), above=True),
            _judged(one.p50_ratio, P50_RATIO.get(one.keys), above=False),
            answer,
        )
    return table


def _judged(value: float, target: float | None, *, above: bool) -> str:
    if target is None:
        return f"{value:.2f}"
    held = value >= target if above else value <= target
    return f"{value:.3f} ({'at least' if above else 'at most'} {target}: {'held' if held else 'missed'})"


def _processors(speeds: list[Speed]) -> Table:
    names = list(dict.fromkeys(name for one in speeds for name in one.cpu))
    table = _table("Processors during the loop, % of a core", "keys", *names)
    for one in speeds:
        table.add_row(str(one.keys), *(f"{one.cpu.get(name, 0.0):.0f}" for name in names))
    return table


def _idle(found: list[Idle]) -> Table:
    table = _table("Idle, beside a running broker", "component", "resident MB", "% of a core", "ready after s")
    for one in found:
        table.add_row(one.component, f"{one.resident_mb:.0f}", f"{one.cpu_percent:.1f}", f"{one.ready_s:.2f}")
    return table


def _recoveries(found: list[Recovered]) -> Table:
    table = _table(
        "SIGKILL, started again at once: longest time without a result of the key",
        "component",
        "s",
        "in a transaction, s",
    )
    for name in dict.fromkeys(one.component for one in found):
        times = {one.in_transaction: f"{one.seconds:.2f}" for one in found if one.component == name}
        table.add_row(name, times.get(False, ""), times.get(True, ""))
    return table


def _codecs(found: list[CodecCost]) -> Table:
    table = _table("Codec", "record", "bytes", "encode µs", "decode µs")
    for one in found:
        table.add_row(one.record, str(one.size_bytes), f"{one.encode_us:.1f}", f"{one.decode_us:.1f}")
    return table


def _in_process(found: list[InProcess]) -> Table:
    table = _table(
        "In this process, without a broker, on one core; and a plain loop that does the same sums",
        "keys",
        "loops/s",
        "route_instruction/s",
        "plain loops/s",
        "plain to ours",
        "bytes kept a loop",
        "of which the venues' books",
    )
    for one in found:
        table.add_row(
            str(one.keys),
            f"{one.loops_per_second:.0f}",
            f"{one.routed_per_second:.0f}",
            f"{one.plain_per_second:.0f}",
            f"{one.ratio:.1f}",
            f"{one.kept_bytes_per_loop:.0f}",
            f"{one.plain_kept_bytes_per_loop:.0f}",
        )
    return table


def _live(found: list[LiveExecutor]) -> Table:
    table = _table(
        "A live lane's executor: from instructions.<lane> to the request's leaving, one key",
        "orders",
        "way p50 ms",
        "hop p50 ms",
        "own p50 ms",
        "own p99 ms",
        "own to hop",
        "resident MB",
        "at once",
        "in s",
        "by MB",
    )
    for one in found:
        table.add_row(
            str(one.orders),
            f"{one.way_p50_ms:.1f}",
            f"{one.hop_p50_ms:.1f}",
            _judged(one.own_p50_ms, LIVE_OWN_MS, above=False),
            f"{one.own_p99_ms:.1f}",
            f"{one.ratio:.2f}",
            _judged(one.resident_mb, LIVE_MB, above=False),
            str(one.at_once),
            f"{one.at_once_s:.2f}",
            _judged(one.at_once_mb, LIVE_MB, above=False),
        )
    return table
