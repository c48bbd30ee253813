from __future__ import annotations

from conftest import ROOT
from importlinter.cli import lint_imports


def test_rooms_import_in_one_direction_and_without_cycles() -> None:
    assert lint_imports(config_filename=str(ROOT / "training" / "pyproject.toml"), no_cache=True) == 0
