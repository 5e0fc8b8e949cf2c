"""The secrets of the tests, and the hooks that look for them in everything that the suite puts out.

What a test prints or logs (its processes' output included, where it is captured) fails that test; what is found in the
files of the run's temporary folder (journals, books, logs, exports) fails the run. Files whose name begins with
``secret`` are those that a test reads a secret from.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

SECRET = "k3y-that-nobody-may-see"
_LARGEST = 4 * 1024 * 1024  # larger files are a broker's


def files_with_secrets(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.name.startswith("secret") or path.is_symlink() or not path.is_file():
            continue
        try:
            if path.stat().st_size <= _LARGEST and SECRET.encode() in path.read_bytes():
                yield path
        except OSError:
            continue  # gone meanwhile, or nobody's to read


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, Any, Any]:
    report = yield
    where = [name for name, text in report.sections if SECRET in text]
    if where:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: a secret is in its {', '.join(where)}"
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The folder of a run holds those of pytest-xdist's workers: a worker itself looks for nothing."""
    if hasattr(session.config, "workerinput"):
        return
    factory = getattr(session.config, "_tmp_path_factory", None)
    base = None if factory is None else getattr(factory, "_basetemp", None)
    if base is None:  # no test had a folder
        return
    found = list(files_with_secrets(base))
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
        for path in found:
            reporter.write_line(f"a secret is in {path}", red=True)
