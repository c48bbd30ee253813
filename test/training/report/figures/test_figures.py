from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from test_evaluation import FILMS, a_catalog, document
from typer.testing import CliRunner

from alara_train.cli.main import app
from alara_train.report.figures.draw import FIGURES, draw_all
from alara_train.report.figures.front import pareto
from alara_train.report.policy import derive_policy


@cache
def documents() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    catalog = a_catalog()
    targets = dict.fromkeys(catalog["findings"], 0.6)
    return catalog, derive_policy(catalog, document(), margin=0.01, targets=targets), document()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return draw_all(*documents(), tmp_path_factory.mktemp("figures"))


def test_every_figure_states_the_origin_of_its_numbers(drawn: list[Path]) -> None:
    assert [path.stem for path in drawn] == list(FIGURES)
    for path in drawn:
        text = path.read_text()
        words = " ".join(
            "".join(node.itertext()) for node in ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}text")
        )
        assert f"{FILMS} films of {FILMS // 2} patients" in words, path
        assert "2026-11-23" in words
        assert "cross-validated by patient" in words
        assert path.stat().st_size < 300_000
        assert not re.search(r"<dc:date>|href=\"http", text)


def test_the_same_documents_give_the_same_bytes(drawn: list[Path], tmp_path: Path) -> None:
    for again, before in zip(draw_all(*documents(), tmp_path), drawn, strict=True):
        assert again.read_bytes() == before.read_bytes(), again.name


def test_small_multiples_share_their_axes() -> None:
    for name in ("auroc-by-resolution", "roc", "reliability", "int8-agreement"):
        panels = [axis for axis in FIGURES[name](*documents()).axes if axis.get_visible()]
        assert len({axis.get_xlim() for axis in panels}) == 1
        assert len({axis.get_ylim() for axis in panels}) == 1
    low, high = FIGURES["auroc-by-resolution"](*documents()).axes[0].get_ylim()
    assert low < 0.5 < high


def test_the_front_keeps_points_that_no_cheaper_point_reaches() -> None:
    assert pareto([(2, 0.8), (1, 0.7), (3, 0.75), (4, 0.9), (2, 0.6)]) == [(1, 0.7), (2, 0.8), (4, 0.9)]


def test_report_needs_only_the_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, made in zip(("catalog", "policy", "evaluation"), documents(), strict=True):
        (tmp_path / f"{name}.json").write_text(json.dumps(made))
    monkeypatch.setattr("alara_train.family.report.card", lambda *_: "# made\n")
    monkeypatch.setattr("alara_train.family.report.card_text", lambda *_: None)
    done = CliRunner().invoke(app, ["report", "--family", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert sorted(p.stem for p in (tmp_path / "figures").glob("*.svg")) == sorted(FIGURES)
    (tmp_path / "evaluation.json").write_text('{"schema": "alara.evaluation/1"}')
    assert CliRunner().invoke(app, ["report", "--family", str(tmp_path)]).exit_code == 2
