"""What the suite puts out is searched for the secrets of its tests: one that is printed, or in a file, is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.secret_watch import SECRET

HOOKS = "from tests.support.secret_watch import pytest_runtest_makereport, pytest_sessionfinish\n"
TESTS = {
    "prints": f"def test_one():\n    print('key {SECRET}')\n",
    "logs": f"import logging\ndef test_one():\n    logging.getLogger('x').warning('%s', '{SECRET}')\n",
    "starts": f"import subprocess\ndef test_one():\n    subprocess.run(['echo', '{SECRET}'])\n",
    "writes": f"def test_one(tmp_path):\n    (tmp_path / 'book').write_text('a {SECRET} b')\n",
}


def run(folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(HOOKS)
    (folder / "test_it.py").write_text(body)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    arguments = ["-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "--capture=fd"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, "--basetemp", str(folder / "temporary"), str(folder)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("how", TESTS)
def test_a_secret_that_is_put_out_is_noticed(tmp_path_factory: pytest.TempPathFactory, how: str) -> None:
    folder = tmp_path_factory.mktemp("secret-watch")
    done = run(folder, TESTS[how])
    assert done.returncode == 1, done.stdout
    assert "a secret is in" in done.stdout
    for path in folder.rglob("*"):  # not to be found by the run that this test is part of
        if path.is_file():
            path.unlink()


def test_what_keeps_its_secrets_passes(tmp_path: Path) -> None:
    body = "def test_one(tmp_path):\n    (tmp_path / 'book').write_text('nothing')\n    print('nothing')\n"
    assert run(tmp_path, body).returncode == 0
