"""Files that appear in a folder when all of them are complete, and not at all when one fails."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Self

from tightloop.errors import ExecutionError


class Staging:
    """Within it, files are written to ``path(name)``; leaving it without an error moves them into ``folder``.

    ``names``: every file that may come of it. Those that are there already are refused, or with ``overwrite`` replaced;
    one that this time did not come is removed then, as it would belong to other records. Raises ExecutionError BUS-002.
    """

    def __init__(self, folder: Path, names: Collection[str], overwrite: bool = False) -> None:
        self._folder = folder
        self._names = names
        self._overwrite = overwrite

    def path(self, name: str) -> Path:
        return self._scratch / name

    def __enter__(self) -> Self:
        self._refuse_existing()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._scratch = Path(tempfile.mkdtemp(prefix=".tightloop-export-", dir=self._folder))
        except OSError as error:
            raise self._unwritable(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._publish()
            elif isinstance(error, OSError) and error.errno is not None:  # a time-out of the network's has none
                raise self._unwritable(error) from error
        except OSError as failed:
            raise self._unwritable(failed) from failed
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _publish(self) -> None:
        self._refuse_existing()
        complete = sorted(self._scratch.iterdir())
        for file in complete:
            _to_disk(file)
        for file in complete:
            file.replace(self._folder / file.name)
        for name in set(self._names) - {file.name for file in complete}:
            (self._folder / name).unlink(missing_ok=True)
        _to_disk(self._folder)

    def _refuse_existing(self) -> None:
        found = [name for name in self._names if (self._folder / name).exists()]
        if found and not self._overwrite:
            raise ExecutionError("BUS-002", f"{self._folder} holds {', '.join(found)} already")

    def _unwritable(self, error: OSError) -> ExecutionError:
        return ExecutionError("BUS-002", f"{error.filename or self._folder}: {error.strerror or error}")


def _to_disk(path: Path) -> None:
    """What was written survives a loss of power."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
