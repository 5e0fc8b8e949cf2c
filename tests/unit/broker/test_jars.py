"""Which jars are taken: the pinned ones, hashed once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tightloop.broker.jars import ensure_jars
from tightloop.broker.pins import KAFKA_VERSION, PinnedJar, pinned_jars
from tightloop.errors import ExecutionError

_BODY = b"a jar"


@pytest.fixture
def pin() -> PinnedJar:
    return PinnedJar(hashlib.sha256(_BODY).hexdigest(), len(_BODY), "org.example", "thing", "1.0")


def test_the_lock_file_pins_the_broker_and_its_clients_at_one_version() -> None:
    pins = pinned_jars()
    kafka = {pin.artifact: pin.version for pin in pins if pin.group == "org.apache.kafka"}
    assert kafka["kafka_2.13"] == kafka["kafka-clients"] == KAFKA_VERSION
    assert set(kafka.values()) == {KAFKA_VERSION}
    assert all(len(pin.sha256) == 64 and pin.size > 0 for pin in pins)
    assert len({pin.filename for pin in pins}) == len(pins)


def test_a_jar_of_another_size_is_hashed_again_and_refused(pin: PinnedJar, tmp_path: Path) -> None:
    jar = tmp_path / pin.filename
    jar.write_bytes(_BODY)
    assert ensure_jars(directory=tmp_path, pins=[pin]) == [jar]
    jar.write_bytes(_BODY + b"!")
    with pytest.raises(ExecutionError, match=r"BRK-002.*thing-1\.0\.jar"):
        ensure_jars(directory=tmp_path, pins=[pin])
    jar.write_bytes(_BODY)
    assert ensure_jars(directory=tmp_path, pins=[pin]) == [jar]


def test_a_jar_touched_but_unchanged_is_accepted(pin: PinnedJar, tmp_path: Path) -> None:
    jar = tmp_path / pin.filename
    jar.write_bytes(_BODY)
    ensure_jars(directory=tmp_path, pins=[pin])
    os.utime(jar, (0, 0))
    assert ensure_jars(directory=tmp_path, pins=[pin]) == [jar]


def test_another_pin_for_the_same_file_is_not_covered_by_the_manifest(pin: PinnedJar, tmp_path: Path) -> None:
    (tmp_path / pin.filename).write_bytes(_BODY)
    ensure_jars(directory=tmp_path, pins=[pin])
    other = PinnedJar("0" * 64, pin.size, pin.group, pin.artifact, pin.version)
    with pytest.raises(ExecutionError, match="BRK-002"):
        ensure_jars(directory=tmp_path, pins=[other])


def test_a_cache_that_cannot_be_made_is_named(pin: PinnedJar, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ExecutionError, match=r"BRK-001.*cannot be written"):
        ensure_jars(directory=tmp_path / "file" / "jars", pins=[pin])
