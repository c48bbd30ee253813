"""Nothing here needs a data set: tests make what they need, or use the bundled family."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def family() -> Path:
    return ROOT / "models" / "chest14"


@pytest.fixture(scope="session")
def films() -> Path:
    return ROOT / "test" / "films"


@pytest.fixture(scope="session")
def schemas() -> Path:
    return ROOT / "models" / "schema"
