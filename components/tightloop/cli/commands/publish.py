"""``publish``: instructions from a file or standard input; with ``--market`` market data from files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tightloop.cli import exits
from tightloop.cli.options import AsJson, Installation
from tightloop.cli.output import emit, error_words, note, table
from tightloop.cli.registration import add

if TYPE_CHECKING:
    from tightloop.client.files import Parsed
    from tightloop.client.publisher import InstructionPublisher, Published
    from tightloop.records.types import InstructionResult


def publish(
    installation: Installation,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="JSON lines, JSON, CSV or Parquet; - : standard input.")
    ],
    market: Annotated[
        bool, typer.Option("--market", help="The files hold market data (bars, funding, rates, gas; .gz may follow).")
    ] = False,
    form: Annotated[
        str | None, typer.Option("--format", help="jsonl, json, csv or parquet (default: by the file's ending).")
    ] = None,
    strategy: Annotated[
        str | None, typer.Option("--strategy", help="The strategy_id of instructions that name none.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Send what is valid although some lines are not.")
    ] = False,
    partial_groups: Annotated[
        bool, typer.Option("--partial-groups", help="Send legs of a group whose other legs are not in the file.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Validate only; send nothing.")] = False,
    wait: Annotated[
        float | None, typer.Option("--wait", min=0, help="Wait for the results, for so many seconds.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Publish instructions, or market data, each line validated first. With one bad line nothing is sent, unless
    --skip-bad is given.

    A group with a leg that is missing is bad, unless --partial-groups is given.

    Exit code 1: a line was bad, or (with --wait) an instruction did not end reconciled.
    """
    if market:
        from tightloop.cli.market import publish_market

        publish_market(installation, files, skip_bad=skip_bad, dry_run=dry_run, as_json=as_json)
        return
    parsed = _read(_only(files), form, strategy, partial_groups=partial_groups)
    answer: dict[str, Any] = {"published": [], "bad": parsed.bad}
    for line in parsed.bad:
        note(f"line {line.line}: {line.code} {line.message}\n  what to do: {line.remedy}")
    if not dry_run and (skip_bad or not parsed.bad) and parsed.instructions:
        _send(parsed, installation, wait, answer)
    elif dry_run:
        answer["valid"] = len(parsed.instructions)
    if as_json:
        emit(answer)
    else:
        _tell(parsed, answer, dry_run)
    results = answer.get("results", [])
    unfinished = wait is not None and len(results) < len(answer["published"])
    if parsed.bad or unfinished or any(one["status"] != "reconciled" for one in results):
        raise typer.Exit(exits.BAD_NEWS)


def _only(files: list[Path]) -> Path:
    from tightloop.errors import ExecutionError

    if len(files) != 1:
        raise ExecutionError(
            "EIF-010", f"{len(files)} files of instructions", remedy="Publish one file after another, in their order."
        )
    return files[0]


def _read(file: Path, form: str | None, strategy: str | None, *, partial_groups: bool) -> Parsed:
    from datetime import UTC, datetime

    from tightloop.client.files import FORMATS, format_of, parse
    from tightloop.errors import ExecutionError

    chosen = form or ("jsonl" if str(file) == "-" else format_of(file))
    known = next((one for one in FORMATS if one == chosen), None)
    if known is None:
        raise ExecutionError(
            "EIF-010",
            f"{chosen or file.name!r} is no format of instructions",
            remedy=f"Give --format: {', '.join(FORMATS)}.",
        )
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise ExecutionError(
            "EIF-010", f"{file} cannot be read: {error.strerror}", remedy="Give a file that is there, or -."
        ) from error
    defaults = {"strategy_id": strategy} if strategy else {}
    return parse(content, known, defaults=defaults, now=datetime.now(UTC), partial_groups=partial_groups)


def _send(parsed: Parsed, installation: Installation, wait: float | None, answer: dict[str, Any]) -> None:
    from tightloop.client.publisher import InstructionPublisher

    settings = installation.kafka()
    with InstructionPublisher(settings.bootstrap, prefix=settings.prefix, client=settings.client) as publisher:
        published = publisher.publish_all(parsed.instructions, partial_groups=True)  # the file was judged
        answer["published"] = [_line(line, one) for line, one in zip(parsed.lines, published, strict=True)]
        if wait is not None:
            answer["results"] = [_result(one) for one in _await(publisher, published, wait)]


def _line(line: int, one: Published) -> dict[str, Any]:
    return {
        "line": line,
        "instruction_id": one.instruction_id,
        "strategy_id": one.strategy_id,
        "partition": one.partition,
        "offset": one.offset,
    }


def _await(publisher: InstructionPublisher, published: list[Published], wait: float) -> list[InstructionResult]:
    import time

    deadline = time.monotonic() + wait
    results = []
    for one in published:
        try:
            left = max(0.1, deadline - time.monotonic())
            results.append(publisher.await_result(one.instruction_id, left, strategy_id=one.strategy_id))
        except TimeoutError:
            note(f"instruction {one.instruction_id} has no result after {wait:g} s")
            note(f"`tightloop show {one.instruction_id}` tells how far it is")
    return results


def _result(one: InstructionResult) -> dict[str, Any]:
    return {
        "instruction_id": one.instruction_id,
        "strategy_id": one.strategy_id,
        "status": one.status,
        "outcome": one.outcome,
        "filled_amount": one.filled_amount,
        "error": one.error,
    }


def _reason(result: dict[str, Any]) -> str | None:
    error = result["error"]
    return error_words(error) if error is not None else None


def _tell(parsed: Parsed, answer: dict[str, Any], dry_run: bool) -> None:
    if dry_run:
        note(f"{len(parsed.instructions)} valid, {len(parsed.bad)} bad; nothing was sent")
    elif parsed.bad and not answer["published"]:
        note(f"nothing was sent: {len(parsed.bad)} of {len(parsed.bad) + len(parsed.instructions)} lines are bad")
    else:
        columns = ["line", "instruction_id", "strategy_id", "partition", "offset"]
        table(columns, [[one[name] for name in columns] for one in answer["published"]])
    if "results" in answer:
        columns = ["instruction_id", "status", "outcome", "filled_amount", "error"]
        table(columns, [[one[name] for name in columns[:-1]] + [_reason(one)] for one in answer["results"]])
        codes = sorted({one["error"].code for one in answer["results"] if one["error"] is not None})
        if codes:
            note("what to do: " + ", ".join(f"`tightloop errors {code}`" for code in codes))


def add_to(app: typer.Typer) -> None:
    add(
        app,
        publish,
        "tightloop publish instructions.jsonl --wait 30",
        "tightloop publish --market binance_BTCUSDT_spot_1h.csv.gz ethereum_gas_1h.csv.gz",
        'echo \'{"instruction_id": "i1", "strategy_id": "s1", "type": "cex_trade", "venue": "binance",',
        '  "market": "spot", "symbol": "BTC/USDT", "side": "buy", "order_type": "market", "amount": "0.1"}\' \\',
        "  | tr -d '\\n' | tightloop publish -",
    )
