"""Every execution case runs against each face of the simulated venues, and against each exchange.

`--exchange NAME` (again for each) names other exchanges than those of this package: a venue of a package of one's own
that is installed beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.support.venue_faces import Face, HttpFace, InProcessFace

from tightloop.venues import registry
from tightloop.venues.sim.chain_settings import chain
from tightloop.venues.sim.settings import ExchangeSettings, SimSettings

from .exchanges import Exchange

FACES = ("in_process", "http")
EXCHANGES = ("binance", "bybit", "okx")
AS_BEFORE = {"automine": True, "base_fee": None, "block_time_s": None}  # a chain as it is when it is opened
_SLOWLY = 0.4  # seconds that an impatient client waits


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A shared exchange behind each face; one of a case's own behind the slower face for one exchange only."""
    venues = metafunc.config.getoption("exchange") or EXCHANGES
    every = [(face, venue) for face in FACES for venue in venues]
    some = [("in_process", venue) for venue in venues] + [("http", venues[0])]
    if "exchange" in metafunc.fixturenames:
        metafunc.parametrize("shared_exchange", every, indirect=True, scope="module", ids="-".join)
    if "loop_venue" in metafunc.fixturenames:
        metafunc.parametrize("loop_venue", venues)
    for own in ("own_exchange", "slow_exchange"):
        if own in metafunc.fixturenames:
            metafunc.parametrize(own, some, indirect=True, ids="-".join)


def exchange_settings(name: str) -> ExchangeSettings:
    """By its own rules, but that ETH/USDT trades at most 1 at a price."""
    known = registry.known()
    simulate = known.plugin(name).simulate
    assert simulate is not None, f"{name} has no simulation"
    made = simulate(known.lane(name))
    assert isinstance(made, ExchangeSettings), f"{name} is no exchange"
    symbols = tuple(
        replace(rules, liquidity=Decimal(1)) if rules.symbol == "ETH/USDT" else rules for rules in made.symbols
    )
    return replace(made, symbols=symbols)


def settings(confirmations: int = 1, venue: str = "binance") -> SimSettings:
    """One exchange and the chain."""
    ethereum = replace(chain("ethereum"), confirmations=confirmations)
    return SimSettings(exchanges=(exchange_settings(venue),), chains=(ethereum,))


def open_face(name: str, folder: Path, confirmations: int = 1, venue: str = "binance") -> Face:
    made = settings(confirmations, venue)
    return InProcessFace(folder, made) if name == "in_process" else HttpFace(folder, made, manual=True)


def slow_face_of(name: str, folder: Path, venue: str) -> Face:
    """On the real clock (over HTTP), with a client that does not wait long for an answer to what acts."""
    made = settings(venue=venue)
    if name == "in_process":
        return InProcessFace(folder, made, mutation_timeout_s=_SLOWLY)
    return HttpFace(folder, made, manual=False, mutation_timeout_s=_SLOWLY)


@pytest.fixture(scope="module")
def shared_exchange(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Face, str]]:
    name, venue = request.param
    face = open_face(name, tmp_path_factory.mktemp("books"), venue=venue)
    try:
        yield face, venue
    finally:
        face.close()


@pytest.fixture
def exchange(shared_exchange: tuple[Face, str], account: str) -> Iterator[Exchange]:
    """An account of its own at an exchange that a module's cases share."""
    face, venue = shared_exchange
    yield Exchange(face, exchange_settings(venue), account)
    face.control("DELETE", "/admin/faults")


@pytest.fixture
def own_exchange(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Exchange]:
    """An exchange for one case that restarts it or moves its market."""
    name, venue = request.param
    face = open_face(name, tmp_path, venue=venue)
    try:
        yield Exchange(face, exchange_settings(venue), "s")
    finally:
        face.close()


@pytest.fixture
def slow_exchange(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Exchange]:
    """An exchange for one case, whose adapter is impatient."""
    name, venue = request.param
    face = slow_face_of(name, tmp_path, venue)
    try:
        yield Exchange(face, exchange_settings(venue), "s")
    finally:
        face.close()


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
