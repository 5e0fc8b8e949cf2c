"""A project that has nothing of ours but the wheel: each fixture of ``tightloop.testing`` works there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tightloop.testing.brokers import Broker

ROOT = Path(__file__).parents[3]

PROJECT = '''
"""A stranger's tests. Nothing here names a plugin: the installed package brings the fixtures."""

from decimal import Decimal

import tightloop


def test_it_is_the_wheel(pytestconfig):
    assert {wheel!r} in tightloop.__file__


def test_a_loop_closes_by_the_clock(tightloop_driver, tightloop_records, tightloop_clock):
    tightloop_driver.feed(tightloop_records.trade("i1", amount=Decimal("0.5")))
    assert tightloop_driver.result("i1").filled_amount == Decimal("0.5")
    before = tightloop_clock.now()
    tightloop_driver.advance(60)
    assert (tightloop_clock.now() - before).total_seconds() == 60


def test_builders_make_what_is_asked_for(tightloop_driver, tightloop_records):
    tightloop_driver.feed(tightloop_records.halt("c1"))
    tightloop_driver.feed(tightloop_records.perp("i1"))
    assert tightloop_driver.result("i1").error.code == "EIM-011"


def test_an_instruction_goes_onto_the_topics_of_this_test(tightloop_topics, tightloop_records):
    with tightloop_topics.publisher() as publisher:
        assert publisher.publish(tightloop_records.trade("i1")) == 0
    with tightloop_topics.consumer("instructions") as consumer:
        assert [one.instruction_id for one in consumer] == ["i1"]


def test_another_test_has_other_topics(tightloop_topics):
    with tightloop_topics.consumer("instructions") as consumer:
        assert list(consumer) == []


def test_the_broker_is_the_one_that_was_named(tightloop_broker):
    assert tightloop_broker.bootstrap == {bootstrap!r}
'''


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with the wheel, built from this source, and the libraries of this one; nothing is downloaded."""
    folder = tmp_path_factory.mktemp("outside")
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist"), cwd=ROOT)
    (wheel,) = (folder / "dist").glob("*.whl")
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder / "venv"), cwd=folder)
    python = folder / "venv" / "bin" / "python"
    packages = Path(
        _run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    )
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    _run(*pip, "--target", str(packages), str(wheel), cwd=folder)
    # a folder named in a .pth file is searched last, and its own .pth files (of the source in place) are not read
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_each_fixture_works_in_a_project_that_has_the_wheel_alone(python: Path, broker: Broker, tmp_path: Path) -> None:
    wheel = str(python.parents[1])
    text = PROJECT.replace("{wheel!r}", repr(wheel)).replace("{bootstrap!r}", repr(broker.bootstrap))
    (tmp_path / "test_stranger.py").write_text(text)
    told = _pytest(python, tmp_path, "--tightloop-broker", broker.bootstrap)
    assert "6 passed" in told
    assert f"tightloop: the broker is {broker.bootstrap}: the address given" in told


def test_the_examples_of_the_page_work_in_it(python: Path, broker: Broker, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "testing.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for number, block in enumerate(blocks):
        (tmp_path / f"test_block_{number}.py").write_text(block)
    assert "3 passed" in _pytest(python, tmp_path, "--tightloop-broker", broker.bootstrap)


def test_a_project_that_uses_no_fixture_does_not_pay_for_them(python: Path, tmp_path: Path) -> None:
    heavy = ("confluent_kafka", "aiohttp", "pandas", "testcontainers", "tightloop.assembly")
    (tmp_path / "test_stranger.py").write_text(
        f"import sys\n\ndef test_light():\n    assert not set({heavy!r}) & set(sys.modules)\n"
    )
    assert "1 passed" in _pytest(python, tmp_path)


def test_a_broker_that_can_not_be_is_refused_by_name(python: Path, tmp_path: Path) -> None:
    (tmp_path / "test_stranger.py").write_text("def test_broker(tightloop_broker):\n    pass\n")
    told = _pytest(python, tmp_path, "--tightloop-broker", "embeded", fails=True)
    assert "EIF-010" in told
    assert "'embeded'" in told


def _pytest(python: Path, folder: Path, *arguments: str, fails: bool = False) -> str:
    command = [str(python), "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return _run(*command, cwd=folder, expected=1 if fails else 0)


def _run(*command: str, cwd: Path, expected: int = 0) -> str:
    """Nothing of this test run's environment says where our source is."""
    ours = ("PYTHONPATH", "PYTEST_ADDOPTS", "TIGHTLOOP_TEST_BOOTSTRAP")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout
