"""The cache of the embedded broker: what is wrong with it is named, and how to mend it is said."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tightloop.broker import EmbeddedBroker
from tightloop.broker.jars import ensure_jars, kafka_cache
from tightloop.broker.java import find_java
from tightloop.broker.pins import pinned_jars
from tightloop.broker.prepare import ensure_prepared
from tightloop.errors import ExecutionError


@pytest.fixture(scope="module")
def jars() -> list[Path]:
    """The real ones; downloaded, if need be, before a test takes the network away."""
    return ensure_jars()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request goes to a port where nobody listens."""
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_a_damaged_jar_in_the_cache_is_named_and_refused(
    jars: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TIGHTLOOP_CACHE", str(tmp_path))
    shutil.copytree(jars[0].parent, kafka_cache() / "jars")
    damaged = kafka_cache() / "jars" / next(jar.name for jar in jars if jar.name.startswith("kafka-clients"))
    with damaged.open("ab") as file:
        file.write(b"!")
    with pytest.raises(ExecutionError, match=rf"BRK-002.*{damaged.name}") as refused:
        EmbeddedBroker().start()
    assert str(damaged) in refused.value.remedy


@pytest.mark.usefixtures("no_network")
def test_without_network_an_empty_cache_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TIGHTLOOP_CACHE", str(tmp_path))
    with pytest.raises(ExecutionError, match=r"BRK-001.*\.jar is not in .* and cannot be downloaded") as refused:
        EmbeddedBroker().start()
    assert "--prepare" in refused.value.remedy
    assert str(kafka_cache() / "jars") in refused.value.remedy


@pytest.mark.usefixtures("no_network")
def test_without_network_a_cache_that_was_filled_by_hand_serves(
    jars: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TIGHTLOOP_CACHE", str(tmp_path))
    shutil.copytree(jars[0].parent, kafka_cache() / "jars", ignore=shutil.ignore_patterns("*.json"))
    assert [path.name for path in ensure_jars()] == [pin.filename for pin in pinned_jars()]


def test_java_accepts_the_class_data_archive_that_was_prepared(jars: list[Path]) -> None:
    java = find_java()
    prepared = ensure_prepared(java, jars)
    strictly = [str(java.path), "-Xshare:on", *prepared.flags, "-cp", os.pathsep.join(map(str, jars)), "-version"]
    done = subprocess.run(strictly, capture_output=True, text=True, timeout=60)
    assert prepared.flags
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sharing" in done.stderr
