"""No test needs a data set: tests create their data or use the bundled family."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

# Must run before any test module imports onnxruntime: see alara_train/__init__.py.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

ROOT = Path(__file__).parents[2]
# Tests share helpers across folders.
sys.path[:0] = [str(folder) for folder in Path(__file__).parent.rglob("*") if folder.is_dir()]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes minutes; npm run test:long runs these alone")


@pytest.fixture(scope="session")
def family() -> Path:
    return ROOT / "models" / "chest14"


@pytest.fixture(scope="session")
def films() -> Path:
    return ROOT / "test" / "films"


@pytest.fixture(scope="session")
def schemas() -> Path:
    return ROOT / "models" / "schema"
