"""The quality gates of ``tightloop gates``, each a test: by section, on the thing itself.

The basis trades run on the market data of the folder that ``TIGHTLOOP_GATES_MARKET`` names, else on a synthetic market.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tightloop.cli.commands.gates import VARIABLE
from tightloop.cli.gates import basis
from tightloop.cli.gates.basis import BasisSystem
from tightloop.cli.gates.gate import Gate
from tightloop.cli.gates.listed import IN_PROCESS
from tightloop.testing.brokers import Broker

SECTIONS = (
    "interface manager",
    "interfaces",
    "factory",
    "reconciliation",
    "position update handler",
    "integration",
)


@pytest.fixture(scope="module")
def system(broker: Broker) -> Iterator[BasisSystem]:
    market = os.environ.get(VARIABLE)
    found = BasisSystem(Path(market) if market else None, broker.bootstrap)
    yield found
    found.close()


def test_every_section_has_its_gates() -> None:
    assert tuple(dict.fromkeys(gate.section for gate in IN_PROCESS)) == SECTIONS


@pytest.mark.parametrize("gate", IN_PROCESS, ids=lambda gate: f"{gate.section}: {gate.name}")
def test_gate(gate: Gate) -> None:
    assert gate.check()


@pytest.mark.parametrize("number", [0, 1], ids=["BTC basis", "ETH basis"])
def test_a_basis_trade_opens_and_closes_through_kafka(system: BasisSystem, number: int) -> None:
    assert "0 lost, 0 twice" in basis.gates(system)[number].check()
