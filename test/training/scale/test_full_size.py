"""The dry run at the size of ChestX-ray14 runs through every stage, at a small size."""

from __future__ import annotations

from pathlib import Path

import pytest
from full_size import STAGES, Size, measured


@pytest.mark.long
def test_every_stage_runs_on_generated_films_and_scores(tmp_path: Path) -> None:
    size = Size(films=600, patients=160, test_films=150, scored_test_films=4000, validation_films=4000, draws=20)
    costs = [measured(stage, tmp_path, size) for stage in STAGES]
    assert all(cost.wall_s > 0 and cost.peak_mb > 0 for cost in costs)
    assert costs[STAGES.index("generate")].disk_mb > 0
    assert (tmp_path / "family" / "policy.json").is_file()
    assert (tmp_path / "family" / "policies" / "cheapest.json").is_file()
