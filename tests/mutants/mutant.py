"""One mutant: a plausible slip, as an exact change of the text of one source file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SOURCE = Path("components/tightloop")


class Stale(Exception):
    """The code has changed, and the mutant's text is no longer there exactly once."""


@dataclass(frozen=True)
class Mutant:
    """``file``: below ``components/tightloop``. ``old`` must be there exactly once, and becomes ``new``.

    ``breaks``: what goes wrong with real money, in plain words. ``tests``: what is likely to catch it, as pytest takes
    it: files, folders, or ``FILE::NAME``.
    """

    name: str
    breaks: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def path(self) -> Path:
        return SOURCE / self.file

    def mutated(self, root: Path) -> str:
        """The file's text with the change in it. Raises Stale."""
        try:
            text = (root / self.path).read_text()
        except FileNotFoundError:
            raise Stale(f"{self.path} is not there") from None
        found = text.count(self.old)
        if found != 1:
            raise Stale(f"its text is {found} times in {self.path}, and must be there once:\n{self.old}")
        return text.replace(self.old, self.new)
