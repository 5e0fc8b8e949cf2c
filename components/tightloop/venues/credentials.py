"""Credentials of a venue in an environment: read from variables or files, checked before anything is built.

``BASIS_{ENV}__CEX__BINANCE_SPOT_API_KEY`` holds a value, ``BASIS_{ENV}__CEX__BINANCE_SPOT_API_KEY_FILE`` the path of a
file that does. Values are pydantic secrets: none of them is in a ``repr``, a message, a pickle or a dump.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args

from pydantic import BaseModel, ConfigDict, SecretStr

from tightloop.domain.venues import VenueSpec
from tightloop.errors import ExecutionError

Environment = Literal["dev", "staging", "prod"]
_TEMPLATES = r"\s*|your[_-].*|<.*>|0x\.{2,}.*|\.{3,}|x{3,}|change[_-]?me.*|todo|placeholder.*|example.*"
_PLACEHOLDER = re.compile(_TEMPLATES, re.IGNORECASE | re.DOTALL)


class Credentials(BaseModel):
    """What a venue's keys are in one environment, by the names in ``VenueSpec.credentials`` or ``read_credentials``."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    venue: str
    environment: Environment
    values: dict[str, SecretStr]

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials are not pickled: read them again where they are needed")

    def reveal(self, name: str) -> str:
        """One value, for the client that signs with it. Raises KeyError."""
        return self.values[name].get_secret_value()


def checked_environment(name: str) -> Environment:
    """Raises ExecutionError EIF-004."""
    for known in get_args(Environment):
        if name == known:
            found: Environment = known
            return found
    raise ExecutionError("EIF-004", f"environment {name!r} is none of {', '.join(get_args(Environment))}")


def from_environment(
    venue: VenueSpec,
    environment: str,
    variables: Mapping[str, str] | None = None,
    *,
    lane: str | None = None,
    reading: bool = False,
) -> Credentials:
    """The venue's credentials from variables (None: this process's own) or the files that they name. ``lane``: whose;
    None: the one of the venue's own name. ``reading``: those with which nobody can trade.

    Raises ExecutionError EIF-003 that names every variable that is missing, EIF-004, EIF-006 for a placeholder.
    """
    known = os.environ if variables is None else variables
    kind = checked_environment(environment)
    found = {
        name: value
        for name, variable in _variables(venue, kind, reading, lane)
        if (value := _value(known, variable)) is not None
    }
    return checked(venue, kind, found, lane=lane, reading=reading)


def checked(
    venue: VenueSpec, environment: str, given: Any, *, lane: str | None = None, reading: bool = False
) -> Credentials:
    """``given``: a mapping of the names in ``VenueSpec.credentials`` (``reading``: ``read_credentials``) to texts or
    secrets, or Credentials.

    Raises ExecutionError EIF-003 for what is missing or unknown, EIF-004, EIF-006 for a placeholder, EIF-008 for
    credentials of another venue or environment. No message holds a value.
    """
    kind = checked_environment(environment)
    if isinstance(given, Credentials):
        if (given.venue, given.environment) != (venue.name, kind):
            told = f"these credentials are {given.venue}'s of {given.environment}"
            raise ExecutionError("EIF-008", f"{told}, and {venue.name} of {kind} was asked for")
        return given
    if not isinstance(given, Mapping):
        raise ExecutionError("EIF-003", f"credentials of {venue.name} are a mapping, not a {type(given).__name__}")
    values = {str(name): one if isinstance(one, SecretStr) else SecretStr(str(one)) for name, one in given.items()}
    wanted = _variables(venue, kind, reading, lane)
    unknown = sorted(values.keys() - {name for name, _ in wanted})
    if unknown:
        needed = ", ".join(name for name, _ in wanted) or "none"
        raise ExecutionError("EIF-003", f"{venue.name} has no credential {', '.join(unknown)}; it needs {needed}")
    missing = [variable for name, variable in wanted if name not in values]
    if missing:
        raise ExecutionError("EIF-003", f"{venue.name} in {kind} needs {', '.join(missing)}")
    for name, variable in wanted:
        if _PLACEHOLDER.fullmatch(values[name].get_secret_value()):
            raise ExecutionError("EIF-006", f"{variable} still has a placeholder, or nothing")
    return Credentials(venue=venue.name, environment=kind, values=values)


def _variables(venue: VenueSpec, environment: str, reading: bool, lane: str | None) -> list[tuple[str, str]]:
    """Each credential's name, and the variable that holds it."""
    names = venue.read_credentials if reading else venue.credentials
    return list(zip(names, venue.variables(environment, lane=lane, reading=reading), strict=True))


def _value(variables: Mapping[str, str], name: str) -> SecretStr | None:
    """Raises ExecutionError EIF-003 for a file that can't be read."""
    if name in variables:
        return SecretStr(variables[name].strip())  # as of a file: a line break at its end is nobody's key
    file = variables.get(f"{name}_FILE")
    if file is None:
        return None
    try:
        return SecretStr(Path(file).read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise ExecutionError("EIF-003", f"{name}_FILE: {file} can't be read: {type(error).__name__}") from error
