"""Records as plain data: what JSON and CSV can say, without losing a digit."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any


def as_data(value: Any) -> Any:
    """Records and mappings become objects, amounts text, times ISO text in UTC with microseconds, bytes base64."""
    if isinstance(value, Decimal):
        return amount(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, dict):
        return {str(name): as_data(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_data(one) for one in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    names = getattr(value, "__struct_fields__", None)
    if names is None:
        return str(value)
    return {name: as_data(getattr(value, name)) for name in names}


def amount(value: Decimal) -> str:
    """All digits and no exponent; zeros at the end are left out, and so is the sign of zero."""
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
