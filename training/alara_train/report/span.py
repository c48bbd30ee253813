"""A measured value with its interval, as text."""

from __future__ import annotations

from typing import Any


def span(measured: dict[str, Any] | None, digits: int = 3, none: str = "") -> str:
    """Write `value` and `ci95`, such as `0.712 [0.655, 0.757]`; `none` stands for what was not measured."""
    if measured is None or measured["value"] is None:
        return none
    low, high = measured["ci95"]
    return f"{measured['value']:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
