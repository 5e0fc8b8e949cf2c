"""The search of a broker's folder, while topics of it are being deleted."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from tests.support.topic_bytes import files_with


def test_what_is_deleted_meanwhile_is_passed_over_and_what_stays_is_found(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"gone-{number}").mkdir()
        (tmp_path / f"gone-{number}" / "0.log").write_bytes(b"nothing")
    (tmp_path / "stays").mkdir()
    (tmp_path / "stays" / "0.log").write_bytes(b"x" * ((1 << 22) - 3) + b"planted")  # across two parts
    (tmp_path / "stays" / "0.index").write_bytes(b"planted")
    deleting = threading.Thread(
        target=lambda: [shutil.rmtree(tmp_path / f"gone-{number}") for number in reversed(range(300))]
    )
    deleting.start()
    found = files_with(tmp_path, b"planted", "*.log")
    deleting.join()
    assert found == [tmp_path / "stays" / "0.log"]
