"""The journal's file: what is written is there again, what was torn is cut, and what is damaged is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tightloop.errors import ExecutionError
from tightloop.runners.journal import framing
from tightloop.runners.journal.file import JournalFile

PAYLOADS = [b"one", b"", b"three" * 100, framing.packed(9, 9, b"a frame inside a frame")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.journal"


def written(path: Path, payloads: list[bytes], *, synced: int = 0) -> bytes:
    """The file's bytes; the first ``synced`` were made durable before the others were written."""
    file = JournalFile(path)
    for number, payload in enumerate(payloads, 1):
        file.append(payload)
        if number == synced:
            assert file.sync() and not file.sync()
    file.close()
    return path.read_bytes()


def reopened(path: Path) -> list[bytes]:
    file = JournalFile(path)
    file.close()
    return file.frames


def refusal(path: Path) -> ExecutionError:
    with pytest.raises(ExecutionError) as raised:
        JournalFile(path)
    return raised.value


def test_what_was_written_is_there_again_and_is_added_to(path: Path) -> None:
    assert reopened(path) == []
    data = written(path, PAYLOADS)
    assert reopened(path) == PAYLOADS
    assert written(path, [b"more"]).startswith(data)
    assert reopened(path) == [*PAYLOADS, b"more"]


@pytest.mark.parametrize("synced", [0, 2])
def test_a_torn_end_is_cut_at_every_byte(path: Path, synced: int) -> None:
    data = written(path, PAYLOADS, synced=synced)
    ends = [frame.end for frame in framing.scan("x", data)[0]]
    for cut in range(len(framing.HEAD), len(data)):
        path.write_bytes(data[:cut])
        whole = sum(end <= cut for end in ends)
        assert reopened(path) == PAYLOADS[:whole]
        assert written(path, [b"more"]) and reopened(path) == [*PAYLOADS[:whole], b"more"]


def test_a_head_that_was_torn_is_written_again(path: Path) -> None:
    for cut in range(len(framing.HEAD)):
        path.write_bytes(framing.HEAD[:cut])
        assert reopened(path) == [] and path.read_bytes() == framing.HEAD


def test_what_was_not_durable_may_be_lost_in_any_order(path: Path) -> None:
    """The machine has lost the second frame and kept the third; neither was synced when the third was written."""
    data = bytearray(written(path, PAYLOADS[:3], synced=1))
    first, second, _ = (frame.end for frame in framing.scan("x", bytes(data))[0])
    data[first:second] = bytes(second - first)
    path.write_bytes(data)
    assert reopened(path) == PAYLOADS[:1]


@pytest.mark.parametrize("harm", ["a changed byte", "zeros", "cut out"])
def test_of_what_was_durable_nothing_is_cut(path: Path, harm: str) -> None:
    """The same, but the second frame was synced before the third was written: TLC-017, and the file stays as it is."""
    data = bytearray(written(path, PAYLOADS[:3], synced=2))
    first, second, _ = (frame.end for frame in framing.scan("x", bytes(data))[0])
    if harm == "a changed byte":
        data[second - 1] ^= 1
    else:
        data[first:second] = bytes(second - first) if harm == "zeros" else b""
    path.write_bytes(data)
    error = refusal(path)
    assert error.code == "TLC-017" and "frame 2" in error.message and path.read_bytes() == data


def test_what_is_no_journal_is_left_alone(path: Path) -> None:
    path.write_bytes(b"notes on something else\n")
    assert refusal(path).code == "TLC-017" and path.read_bytes() == b"notes on something else\n"


def test_another_format_is_refused_by_its_number(path: Path) -> None:
    path.write_bytes(b"tightloop-journal 7\n")
    error = refusal(path)
    assert (error.code, "'7'" in error.message) == ("TLC-018", True)


def test_one_has_it_at_a_time_whether_in_this_process_or_another(path: Path) -> None:
    file = JournalFile(path)
    assert refusal(path).code == "TLC-019"
    code = (
        "import sys; from pathlib import Path; from tightloop.errors import ExecutionError\n"
        "from tightloop.runners.journal.file import JournalFile\n"
        "try:\n    JournalFile(Path(sys.argv[1]))\nexcept ExecutionError as error:\n    print(error.code)\n"
    )

    def other() -> str:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert other() == "TLC-019"
    file.replace([b"shorter"])
    assert other() == "TLC-019"
    file.close()
    assert other() == ""


def test_a_shorter_file_takes_its_place_whole_and_is_gone_on_with(path: Path) -> None:
    file = JournalFile(path)
    for payload in PAYLOADS:
        file.append(payload)
    size = file.size
    file.replace([b"all"])
    assert file.size == len(path.read_bytes()) < size
    file.append(b"more")
    file.close()
    assert reopened(path) == [b"all", b"more"]
    path.with_name(path.name + ".new").write_bytes(b"left behind by one that died meanwhile")
    assert reopened(path) == [b"all", b"more"]


def test_a_disk_that_is_full_stops_it_for_good(tmp_path: Path) -> None:
    """``/dev/full`` refuses each write; so does a file whose limit is reached, in the middle of a frame."""
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    assert refusal(full).code == "TLC-020"
    assert refusal(tmp_path / "no folder" / "x").code == "TLC-020"
    code = (
        "import resource, signal, sys; from pathlib import Path; from tightloop.errors import ExecutionError\n"
        "from tightloop.runners.journal.file import JournalFile\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "file = JournalFile(Path(sys.argv[1])); file.append(b'before'); file.sync()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "for act in (lambda: file.append(b'x' * 200), lambda: file.append(b'y'), file.sync):\n"
        "    try:\n        act()\n    except ExecutionError as error:\n        print(error.code)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    path = tmp_path / "engine.journal"
    done = subprocess.run([sys.executable, "-c", code, str(path)], env=environment, capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == (["TLC-020"] * 3, "")
    assert reopened(path) == [b"before"]
