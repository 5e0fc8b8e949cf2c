"""The notebook of the docs runs, cell by cell, as it stands, and what it shows is what its words say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

TOUR = Path(__file__).parents[3] / "docs" / "tour.ipynb"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each cell shows, by its first line of code. Raises CellExecutionError where a cell fails."""
    notebook = nbformat.read(TOUR, as_version=4)
    folder = tmp_path_factory.mktemp("tour")
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return {cell.source.partition("\n")[0]: "\n".join(map(_text, cell.outputs)) for cell in cells}


def _text(output: Any) -> str:
    return str(output.get("text") or output.get("data", {}).get("text/plain", ""))


def test_trades_are_filled_and_a_refusal_says_why(shown: dict[str, str]) -> None:
    assert shown["from tightloop import ExecutionInterfaceManager"].count("'filled'") == 2
    refusal = shown['refused = manager.route_instruction(hours[2], order("BTC/USDT", "sell", 50))']
    assert refusal.startswith("(False,")
    assert "EXI-006" in refusal
    assert "did you mean 'amount'" in shown["from tightloop import ExecutionError"]


def test_what_is_reconciled_matches_and_a_mismatch_has_its_cause(shown: dict[str, str]) -> None:
    assert shown["from tightloop import PositionUpdateHandler, ReconciliationComponent"] == "(True, {})"
    mismatch = shown["from decimal import Decimal"]
    assert "PUH-001 because of REC-002" in mismatch
    assert mismatch.endswith("(0, 1)")


def test_a_chain_does_all_or_nothing(shown: dict[str, str]) -> None:
    assert "aave:aToken:WETH" in shown["def chain(borrowed):"]
    assert shown["too_much = manager.route_instruction(hours[66], chain(1_000_000))"].rstrip().endswith("{})")


def test_it_ends_in_pandas(shown: dict[str, str]) -> None:
    assert "reconciled" in shown["history = pd.DataFrame(manager.routing_history)"]
    assert "BTC/USDT" in shown["fills = pd.DataFrame("]
