"""The configuration: ``tightloop.toml``, then ``TIGHTLOOP_*`` variables, then flags; later ones win.

An unknown key is refused by name, with the nearest valid one. Credentials are no part of it: they come from variables
of their own, or files.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tightloop.assembly.lanes import directory_of
from tightloop.assembly.limits import LimitsSection, is_set, limit_path, limits_of
from tightloop.assembly.origins import Origin, Origins, of_file, of_flags, of_variables
from tightloop.domain.directory import Directory
from tightloop.errors import ExecutionError
from tightloop.handlers.manager.limits.scopes import Limits
from tightloop.venues import registry

FILE = "tightloop.toml"
ENV_PREFIX = "TIGHTLOOP_"


Seconds = Annotated[float, Field(gt=0, le=30 * 86400, allow_inf_nan=False)]  # times are added up: none may overflow
ChainId = Annotated[int, Field(gt=0, lt=2**53)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Account(_Section):
    """A sub-account or wallet, and the one strategy that may trade it."""

    strategy: str
    lane: str


class Lane(_Section):
    """A lane. One whose name says all (``binance``, ``bybit``, ``okx``, ``ethereum``) needs no key here.

    ``venue``: the exchange, for a further lane of one. ``chain_id`` and ``venues``: a chain, its wallet among them.
    ``endpoint``: of a lane that is not simulated, where it is not the venue's own: a URL. ``withdraws_to``: addresses.
    """

    kind: Literal["exchange", "chain"] | None = None
    venue: str | None = None
    venues: tuple[str, ...] | None = None
    chain_id: ChainId | None = None
    simulated: bool = True
    send_window: Seconds | None = None
    acceptance_window: Seconds | None = None
    confirmations: Annotated[int, Field(ge=1, le=64)] | None = None
    endpoint: str | None = None
    withdraws_to: tuple[str, ...] = ()


class Timing(_Section):
    """Seconds. The guarantees rest on the first three and each lane's acceptance window (guarantees 3 and 4 of
    docs/architecture.md).
    """

    send_window: Seconds = 3.0
    clock_margin: Seconds = 0.5
    evidence: Seconds = 60.0
    replace: Seconds = 30.0
    max_age: Seconds = 3600.0
    refresh: Seconds | None = None
    suspend: Seconds = 3600.0
    arrival: Seconds = 3600.0


class Reconciliation(_Section):
    """``dust``: by asset, in its units; ``relative``: by position type, as a share. Budgets in seconds."""

    dust: dict[str, Decimal] = {}
    default_dust: Decimal = Decimal("0.000001")
    relative: dict[str, Decimal] = {}
    budget: Seconds = 30.0
    mismatch_budget: Seconds = 30.0


class Config(_Section):
    """Everything a component needs to know. ``{}`` is valid: environment ``dev``, every venue simulated.

    ``record``: every component writes what it is given, and the venues' answers, to the topic ``recordings``.
    """

    environment: Literal["dev", "staging", "prod"] = "dev"
    live_trading: bool = False
    bootstrap: str = ""
    prefix: str = ""
    lanes: dict[str, Lane] = {"binance": Lane(), "ethereum": Lane()}
    simulator: str = "127.0.0.1:8900"
    accounts: dict[str, Account] = {}
    record: bool = False
    timing: Timing = Field(default_factory=Timing)
    reconciliation: Reconciliation = Field(default_factory=Reconciliation)
    limits: LimitsSection | None = None
    kafka: Annotated[dict[str, str], Field(repr=False)] = {}

    @field_validator("lanes", mode="before")
    @classmethod
    def _by_name(cls, lanes: Any) -> Any:
        """A list has lanes that need no more than their names."""
        return {name: {} for name in lanes} if isinstance(lanes, list | tuple) else lanes

    def directory(self) -> Directory:
        """Its lanes and accounts, with the venues that are registered. Raises ExecutionError EIF-010."""
        return directory_of(self.lanes, self.accounts, registry.known(), self.timing.send_window)

    def dispatch_limits(self) -> Limits | None:
        """What instructions are measured by before they are dispatched. Raises ExecutionError EIF-010."""
        return limits_of(self.limits, registry.known().venues)

    @property
    def simulator_address(self) -> tuple[str, int]:
        host, _, port = self.simulator.rpartition(":")
        return host or "127.0.0.1", int(port)


def load(
    file: Path | None = None, flags: Mapping[str, Any] | None = None, variables: Mapping[str, str] | None = None
) -> tuple[Config, Origins]:
    """The configuration, and where each value that is not a default came from (``assembly.origins``).

    ``variables``: those that the environment has beside its own.
    Raises ExecutionError EIF-010 for what can't be read, is unknown, or does not hold together.
    """
    values: dict[str, Any] = {}
    origins: Origins = {}
    path = file or Path(FILE)
    if file is not None or path.exists():
        text = _text(path)
        _merge(values, _read(path, text), origins, of_file(str(path), text))
    found, names = _from_environment({**os.environ, **(variables or {})})
    _merge(values, found, origins, of_variables(names))
    _merge(values, {name: value for name, value in (flags or {}).items() if value is not None}, origins, of_flags)
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise ExecutionError("EIF-010", explained(error)) from error
    config.directory()
    config.dispatch_limits()
    return config, origins


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ExecutionError("EIF-010", f"{path}: {error}") from error


def _read(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ExecutionError("EIF-010", f"{path}: {error}") from error


def _from_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """``TIGHTLOOP_TIMING__EVIDENCE=90`` is ``timing.evidence``; lists are separated by commas. And by dotted name, the
    variable.
    """
    found: dict[str, Any] = {}
    names: dict[str, str] = {}
    for name, text in environ.items():
        parts = _path(name.removeprefix(ENV_PREFIX).split("__"))
        if not name.startswith(ENV_PREFIX) or parts[0] not in Config.model_fields:
            continue  # others of our variables concern tests, caches and the embedded broker
        place = found
        for part in parts[:-1]:
            place = place.setdefault(part, {})
        is_list = parts == ["lanes"] or (parts[0], parts[-1]) == ("lanes", "venues") or is_set(parts)
        place[parts[-1]] = text.split(",") if is_list else text
        names[".".join(parts)] = name
    return found, names


def _path(parts: list[str]) -> list[str]:
    """Fields are lower case; the names of assets, position types, strategies and accounts below them stay as they are
    written.
    """
    as_written = {"accounts": 1, "kafka": 1, "reconciliation": 2}.get(parts[0].lower())
    if parts[0].lower() == "limits":
        return limit_path(parts)
    return [part if place == as_written else part.lower() for place, part in enumerate(parts)]


def _merge(into: dict[str, Any], more: Mapping[str, Any], origins: Origins, origin: Origin, at: str = "") -> None:
    for name, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(name), list):  # lanes by name, and more about some
            into[name] = {one: {} for one in into[name]}
        if isinstance(value, Mapping) and isinstance(into.get(name, {}), dict):
            _merge(into.setdefault(name, {}), value, origins, origin, f"{at}{name}.")
        else:
            into[name] = value
            origins[f"{at}{name}"] = origin(f"{at}{name}")


def explained(error: ValidationError, model: type[Config] | None = None) -> str:
    """In words for a person: which key, and the nearest valid one of ``model`` (None: of the configuration file)."""
    lines = []
    for one in error.errors():
        place = ".".join(str(part) for part in one["loc"])
        if one["type"] == "extra_forbidden":
            near = get_close_matches(str(one["loc"][-1]), _fields_at(one["loc"][:-1], model or Config), n=1)
            lines.append(f"unknown key {place!r}" + (f": did you mean {near[0]!r}?" if near else ""))
        else:
            lines.append(f"{place}: {one['msg']}")
    return "; ".join(lines)


def _fields_at(place: tuple[int | str, ...], model: Any) -> list[str]:
    for part in place:
        if hasattr(model, "model_fields"):
            field = model.model_fields.get(str(part))
            model = field.annotation if field else None
        else:
            model = get_args(model)[-1] if get_args(model) else None  # an entry of a table
        if isinstance(model, UnionType):  # a section that may be left out
            model = next(one for one in get_args(model) if one is not type(None))
    return list(getattr(model, "model_fields", {}))
