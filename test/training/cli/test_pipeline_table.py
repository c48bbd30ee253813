"""From a table with other findings to a family that the service reads, without a finding at chance level."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
import torch
from test_pipeline import film_of, run, start_of, succeeds

from alara_train.export.graph import kept_findings

ROOT = Path(__file__).parents[3]
ALARA = [str(ROOT / "node_modules" / ".bin" / "node"), str(ROOT / "functions" / "cli" / "main.ts")]
FINDINGS = ("Rib fracture", "Pacemaker", "Scoliosis", "Cast")
AT_CHANCE = "Scoliosis"
"""The labels of this finding are random."""
SERVED = tuple(finding for finding in FINDINGS if finding != AT_CHANCE)

TWICE = np.ones((2, 2), dtype=np.uint8)


def write_table(data: Path, patients: int = 90) -> Path:
    """`table.csv` and `images/`."""
    rng = np.random.default_rng(11)
    (data / "images").mkdir(parents=True)
    lines = ["image,patient,ward," + ",".join(FINDINGS)]
    for row in range(2 * patients):
        has = rng.random(len(FINDINGS)) < 0.3
        name = f"{row:04d}.png"
        pyvips.Image.new_from_array(film_of(has, rng)).copy(interpretation="b-w").write_to_file(
            str(data / "images" / name)
        )
        labels = has.astype(int)
        labels[FINDINGS.index(AT_CHANCE)] = rng.random() < 0.3
        lines.append(f"{name},p{row // 2},north,{','.join(map(str, labels))}")
    (data / "table.csv").write_text("\r\n".join(lines) + "\r\n", encoding="utf-8-sig")
    return data


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("table")
    words = ("dataset", "licence", "citation", "acknowledgement")
    (place / "origin.toml").write_text(
        "".join(f'{word} = "made for a test"\n' for word in words) + 'link = "https://example.org/films"\n'
    )
    config = start_of(place / "best.pt", FINDINGS)
    more = ("--sides", "64,96", "--origin", str(place / "origin.toml"))
    said = succeeds(run(place, write_table(place / "films"), ROOT / "models" / "schema", config, *more))
    assert f"not served: {AT_CHANCE} is not above chance" in said
    assert "nothing to do" in succeeds(run(place, place / "films", ROOT / "models" / "schema", config, *more))
    return place / "models" / "tiny-nih"


def served(family: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ALARA_MODELS": str(family.parent), "ALARA_FAMILY": family.name}
    return subprocess.run([*ALARA, *words], env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def document(family: Path, name: str) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((family / f"{name}.json").read_text())
    return table


@pytest.mark.long
def test_documents_and_graphs_have_the_served_findings_and_the_reason_for_the_excluded_one(family: Path) -> None:
    catalog, evaluation, policy = (document(family, name) for name in ("catalog", "evaluation", "policy"))
    assert tuple(catalog["findings"]) == SERVED
    for table in (catalog, evaluation):
        assert [entry["finding"] for entry in table["notServed"]] == [AT_CHANCE]
    assert set(policy["rules"]) <= {*SERVED, "all"}
    assert AT_CHANCE in (family / "card.md").read_text()
    for variant in catalog["variants"]:
        assert kept_findings(family / variant["file"]) == [FINDINGS.index(finding) for finding in SERVED]


@pytest.mark.long
def test_the_service_reads_the_family_and_gives_the_reason_for_the_excluded_finding(family: Path) -> None:
    verified = served(family, "catalog", "verify")
    assert verified.returncode == 0, f"{verified.stdout}{verified.stderr}"
    routed = served(family, "route", "--json")
    assert routed.returncode == 0, routed.stderr
    assert {one["finding"] for one in json.loads(routed.stdout)["findings"]} == set(SERVED)
    film = family.parents[1] / "large.png"
    large = np.kron(pyvips.Image.new_from_file(str(family.parents[1] / "films" / "images" / "0000.png")).numpy(), TWICE)
    pyvips.Image.new_from_array(large).copy(interpretation="b-w").write_to_file(str(film))
    read = served(family, "read", str(film), "--ndjson")
    assert read.returncode == 0, f"{read.stdout}{read.stderr}"
    assert {one["finding"] for one in json.loads(read.stdout)["reading"]["findings"]} == set(SERVED)
    refused = served(family, "read", str(film), "--findings", AT_CHANCE)
    assert refused.returncode == 2
    assert f"{AT_CHANCE} is not above chance" in refused.stderr
