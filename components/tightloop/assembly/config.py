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
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tightloop.domain.ids import is_strategy_id
from tightloop.domain.venues import LANES
from tightloop.errors import ExecutionError

FILE = "tightloop.toml"
ENV_PREFIX = "TIGHTLOOP_"
Seconds = Annotated[float, Field(gt=0, le=30 * 86400, allow_inf_nan=False)]  # reckoned with: none may overflow


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Account(_Section):
    """A sub-account or wallet, and the one strategy that may trade it."""

    strategy: str
    lane: str


class Timing(_Section):
    """Seconds. The guarantees rest on the first four (architecture.md, guarantees 3 and 4)."""

    send_window: Seconds = 3.0
    acceptance_window: Seconds = 2.0
    clock_margin: Seconds = 0.5
    evidence: Seconds = 60.0
    max_age: Seconds = 3600.0
    refresh: Seconds | None = None
    suspend: Seconds = 3600.0


class Reconciliation(_Section):
    """``dust``: by asset, in its units; ``relative``: by position type, as a share. Budgets in seconds."""

    dust: dict[str, Decimal] = {}
    default_dust: Decimal = Decimal("0.000001")
    relative: dict[str, Decimal] = {}
    budget: Seconds = 30.0
    mismatch_budget: Seconds = 30.0


class Config(_Section):
    """Everything a component needs to know. ``{}`` is valid: environment ``dev``, every venue simulated."""

    environment: Literal["dev", "staging", "prod"] = "dev"
    bootstrap: str = ""
    prefix: str = ""
    lanes: tuple[str, ...] = ("binance", "ethereum")
    simulator: str = "127.0.0.1:8900"
    accounts: dict[str, Account] = {}
    timing: Timing = Field(default_factory=Timing)
    reconciliation: Reconciliation = Field(default_factory=Reconciliation)
    kafka: Annotated[dict[str, str], Field(repr=False)] = {}

    @field_validator("lanes")
    @classmethod
    def _known_lanes(cls, lanes: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [lane for lane in lanes if lane not in LANES]
        if unknown:
            raise ValueError(f"unknown lanes {unknown}; there are {', '.join(LANES)}")
        return lanes

    @property
    def simulator_address(self) -> tuple[str, int]:
        host, _, port = self.simulator.rpartition(":")
        return host or "127.0.0.1", int(port)


def load(file: Path | None = None, flags: Mapping[str, Any] | None = None) -> tuple[Config, dict[str, str]]:
    """The configuration, and where each value that is not a default came from.

    Raises ExecutionError EIF-010 for what can't be read, is unknown, or does not hold together.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    path = file or Path(FILE)
    if file is not None or path.exists():
        _merge(values, _read(path), origins, str(path))
    _merge(values, _from_environment(os.environ), origins, "environment")
    _merge(values, {name: value for name, value in (flags or {}).items() if value is not None}, origins, "flag")
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise ExecutionError("EIF-010", _explain(error)) from error
    _check_accounts(config)
    return config, origins


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ExecutionError("EIF-010", f"{path}: {error}") from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """``TIGHTLOOP_TIMING__EVIDENCE=90`` is ``timing.evidence``; lists are separated by commas."""
    found: dict[str, Any] = {}
    for name, text in environ.items():
        parts = _path(name.removeprefix(ENV_PREFIX).split("__"))
        if not name.startswith(ENV_PREFIX) or parts[0] not in Config.model_fields:
            continue  # others of our variables concern tests, caches and the embedded broker
        place = found
        for part in parts[:-1]:
            place = place.setdefault(part, {})
        place[parts[-1]] = text.split(",") if parts == ["lanes"] else text
    return found


def _path(parts: list[str]) -> list[str]:
    """Fields are lower case; the names of assets, position types and accounts below them stay as they are written."""
    as_written = {"accounts": 1, "kafka": 1, "reconciliation": 2}.get(parts[0].lower())
    return [part if place == as_written else part.lower() for place, part in enumerate(parts)]


def _merge(into: dict[str, Any], more: Mapping[str, Any], origins: dict[str, str], origin: str, at: str = "") -> None:
    for name, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(name, {}), dict):
            _merge(into.setdefault(name, {}), value, origins, origin, f"{at}{name}.")
        else:
            into[name] = value
            origins[f"{at}{name}"] = origin


def _explain(error: ValidationError) -> str:
    lines = []
    for one in error.errors():
        place = ".".join(str(part) for part in one["loc"])
        if one["type"] == "extra_forbidden":
            near = get_close_matches(str(one["loc"][-1]), _fields_at(one["loc"][:-1]), n=1)
            lines.append(f"unknown key {place!r}" + (f": did you mean {near[0]!r}?" if near else ""))
        else:
            lines.append(f"{place}: {one['msg']}")
    return "; ".join(lines)


def _fields_at(place: tuple[int | str, ...]) -> list[str]:
    model: Any = Config
    for part in place:
        field = model.model_fields.get(str(part)) if hasattr(model, "model_fields") else None
        model = field.annotation if field else Account
    return list(getattr(model, "model_fields", {}))


def _check_accounts(config: Config) -> None:
    """An account has one strategy by construction; it must be one that instructions can name, on a lane there is.

    A strategy without an account on a lane has one of its own name there, which must not have been given to another.
    """
    lanes_of: dict[str, set[str]] = {}
    for account in config.accounts.values():
        lanes_of.setdefault(account.strategy, set()).add(account.lane)
    for name, account in config.accounts.items():
        if account.lane not in config.lanes:
            lanes = ", ".join(config.lanes)
            raise ExecutionError("EIF-010", f"account {name!r} is on lane {account.lane!r}; configured are {lanes}")
        for what, text in (("account", name), ("strategy", account.strategy)):
            if not is_strategy_id(text):
                raise ExecutionError(
                    "EIF-010", f"account {name!r}: {what} {text!r} is not 1 to 100 of letters, digits, '.', '_', '-'"
                )
        if name != account.strategy and account.lane not in lanes_of.get(name, {account.lane}):
            raise ExecutionError(
                "EIF-010",
                f"account {name!r} on {account.lane} is given to {account.strategy}, and strategy {name}, which has no "
                f"other there, would trade it too: give {name} an account on {account.lane}, or rename this one",
            )
