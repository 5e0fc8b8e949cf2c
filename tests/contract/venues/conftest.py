"""Every execution case runs against each face of the simulated venues."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.support.venue_faces import Face, HttpFace, InProcessFace

from tightloop.venues.sim.chain_settings import chain
from tightloop.venues.sim.settings import SimSettings, exchange

FACES = ("in_process", "http")
AS_BEFORE = {"automine": True, "base_fee": None, "block_time_s": None}  # a chain as it is when it is opened


def settings(confirmations: int = 1) -> SimSettings:
    """One exchange (ETH/USDT trades at most 1 a time) and the chain."""
    lane = exchange("binance")
    symbols = tuple(
        replace(rules, liquidity=Decimal(1)) if rules.symbol == "ETH/USDT" else rules for rules in lane.symbols
    )
    ethereum = replace(chain("ethereum"), confirmations=confirmations)
    return SimSettings(exchanges=(replace(lane, symbols=symbols),), chains=(ethereum,))


def open_face(name: str, folder: Path, confirmations: int = 1) -> Face:
    made = settings(confirmations)
    return InProcessFace(folder, made) if name == "in_process" else HttpFace(folder, made, manual=True)


@pytest.fixture(scope="module", params=FACES)
def shared_face(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Face]:
    """One sandbox for a module's cases: each uses an account of its own."""
    face = open_face(request.param, tmp_path_factory.mktemp("books"))
    try:
        yield face
    finally:
        face.close()


@pytest.fixture
def face(shared_face: Face) -> Iterator[Face]:
    yield shared_face
    shared_face.control("DELETE", "/admin/faults")
    shared_face.chain(**AS_BEFORE)


@pytest.fixture(scope="module", params=FACES)
def shared_deep_face(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Face]:
    """One sandbox for a module's cases, on whose chain three blocks make a transaction final."""
    face = open_face(request.param, tmp_path_factory.mktemp("books"), confirmations=3)
    try:
        yield face
    finally:
        face.close()


@pytest.fixture
def deep_face(shared_deep_face: Face) -> Iterator[Face]:
    yield shared_deep_face
    shared_deep_face.control("DELETE", "/admin/faults")
    shared_deep_face.chain(**AS_BEFORE)


@pytest.fixture
def own_deep_face(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Face]:
    """The same for one case, in process: what restarts it, or moves its market."""
    face = open_face("in_process", tmp_path, confirmations=3)
    try:
        yield face
    finally:
        face.close()


@pytest.fixture
def account(request: pytest.FixtureRequest) -> str:
    return request.node.originalname.removeprefix("test_")


@pytest.fixture(params=FACES)
def own_face(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Face]:
    """A sandbox for one case that restarts it or moves its market."""
    face = open_face(request.param, tmp_path)
    try:
        yield face
    finally:
        face.close()


@pytest.fixture(params=FACES)
def slow_face(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Face]:
    """A sandbox on the real clock (over HTTP), whose client waits 0.4 s for an answer to what acts."""
    face: Face
    if request.param == "in_process":
        face = InProcessFace(tmp_path, settings(), mutation_timeout_s=0.4)
    else:
        face = HttpFace(tmp_path, settings(), manual=False, mutation_timeout_s=0.4)
    try:
        yield face
    finally:
        face.close()
