"""Which broker a test run gets, and what it says of it."""

from __future__ import annotations

import socket
from contextlib import nullcontext
from pathlib import Path

import pytest

from tightloop.errors import ExecutionError
from tightloop.testing import brokers
from tightloop.testing.brokers import ExistingBroker, resolved, running_broker


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a Docker engine would listen."""
    path = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    return path


@pytest.mark.parametrize("choice", ["embeded", "localhost", ":9092", "localhost:", "localhost:kafka"])
def test_what_is_neither_a_word_nor_an_address_is_refused(choice: str) -> None:
    with pytest.raises(ExecutionError, match="EIF-010") as refused:
        resolved(choice)
    assert choice in refused.value.message
    assert "embedded" in refused.value.remedy


def test_an_address_is_taken_as_it_is_and_left_running() -> None:
    said: list[str] = []
    with running_broker("kafka.test:9092", said.append) as broker:
        assert broker.bootstrap == "kafka.test:9092"
    assert said == ["the broker is kafka.test:9092: the address given"]


def test_without_an_engine_it_is_the_embedded_one_and_the_reason_is_said(engine: Path) -> None:
    kind, why = resolved("auto")
    assert kind == "embedded"
    assert str(engine) in why


def test_with_an_engine_it_is_a_container(engine: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(engine))
        listening.listen()
        assert resolved("auto") == ("container", "a Docker engine answers")


def test_an_engine_that_gives_no_container_is_replaced_by_the_embedded_one(
    engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded = ExistingBroker("the.embedded:1")
    monkeypatch.setattr(brokers, "_of_kind", {"embedded": nullcontext(embedded)}.__getitem__)
    said: list[str] = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(engine))
        listening.listen()
        monkeypatch.setattr(brokers, "_container", _no_image)
        with running_broker("auto", said.append) as broker:
            assert broker is embedded
    assert said == ["the broker is embedded: a container could not be started (OSError: no such image)"]


class _no_image:
    def __enter__(self) -> None:
        raise OSError("no such image")

    def __exit__(self, *raised: object) -> None:
        raise AssertionError("what was not entered is not left")
