"""`scores.json`: ranks that give the same AUROC, films by digest, patients by number."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from alara_train.cli.main import app
from alara_train.data.films import FINDINGS
from alara_train.evaluate.auroc import auroc
from alara_train.evaluate.scored import BadScores, VariantScores
from alara_train.evaluate.scores_file import film_digests, read_scores, scores_document

FILMS = 40

CHEST14 = Path(__file__).parents[3] / "models" / "chest14"


def scored(variant: str = "r256-fp32", seed: int = 1) -> VariantScores:
    """Logits with ties, labels with an unknown value, two films per patient."""
    rng = np.random.default_rng(seed)
    labels = (np.random.default_rng(7).random((FILMS, 14)) < 0.4).astype(np.int64)
    labels[3, 2] = -1
    patient = np.arange(FILMS) // 2
    words = np.full(FILMS, "")
    return VariantScores(
        variant=variant,
        resolution=256,
        precision="fp32",
        logits=rng.integers(-5, 5, (FILMS, 14)) / 4,
        labels=labels,
        patients=np.array([f"nih_{p:08}" for p in patient]),
        fold=np.where(patient == 5, -1, patient % 4),
        split=np.array(["train", "validation", "test"])[patient % 3],
        view=words,
        sex=words,
        age=np.full(FILMS, -1),
        collection=words,
    )


DIGESTS = [f"{i:016x}" for i in range(FILMS)]


@pytest.mark.parametrize(("protocol", "films"), [("crossValidated", 38), ("heldOut", 12)])
def test_ranks_give_the_auroc_of_the_scores(protocol: str, films: int) -> None:
    variants = [scored(), scored("r512-fp32", 2)]
    document = scores_document(variants, DIGESTS, "test", protocol)  # type: ignore[arg-type]
    first = variants[0]
    used = first.fold >= 0 if protocol == "crossValidated" else first.split == "test"
    assert len(document["films"]) == int(used.sum()) == films
    assert document["films"] == [d for d, u in zip(DIGESTS, used.tolist(), strict=True) if u]
    assert "nih" not in json.dumps(document)
    assert document["folds"] == first.fold[used].tolist()
    assert document["strata"] == {"what": "view/collection", "names": ["/"], "films": [0] * films}
    ranks, _, patients = read_scores({**document, "schema": "alara.scores/1"})
    assert len(patients) == films
    assert ranks.keys() == {"r256-fp32", "r512-fp32"}
    assert document["width"] == 16
    for v in variants:
        for j, finding in enumerate(FINDINGS):
            ranks = np.frombuffer(base64.b64decode(document["ranks"][v.variant][finding]), dtype="<u2")
            labels = np.array([{"1": 1, "0": 0, "-": -1}[c] for c in document["labels"][finding]])
            assert labels.tolist() == v.labels[used, j].tolist()
            known = labels >= 0
            expected = auroc(v.logits[used, j][known], labels[known])
            assert auroc(ranks[known].astype(np.float64), labels[known]) == pytest.approx(expected)


def test_indistinguishable_films_are_refused() -> None:
    with pytest.raises(BadScores, match="39 films are named, 40 were scored"):
        scores_document([scored()], DIGESTS[1:], "test")
    with pytest.raises(BadScores, match="1 films are the same file as another"):
        scores_document([scored()], [DIGESTS[1], *DIGESTS[1:]], "test")
    other = dataclasses.replace(scored("r512-fp32"), labels=1 - scored().labels.clip(0))
    with pytest.raises(BadScores, match="not scored on the same films"):
        scores_document([scored(), other], DIGESTS, "test")


def test_the_command_identifies_films_by_their_files(tmp_path: Path) -> None:
    data, kept, family = tmp_path / "data", tmp_path / "kept", tmp_path / "toy"
    for folder in (data / "films", kept, family):
        folder.mkdir(parents=True)
    one = scored()
    one = dataclasses.replace(one, labels=one.labels.clip(0), fold=np.arange(FILMS) // 2 % 4)
    one.save(kept / "scores-r256-fp32.npz")
    names = [f"film_{i:03}.png" for i in range(FILMS)]
    for name in names:
        (data / "films" / name).write_bytes(name.encode())
    split = np.where(one.fold == 0, "val", "train").tolist()
    rows = [
        ",".join(map(str, [name, one.patients[i], "PA", split[i], one.fold[i], *one.labels[i].tolist()]))
        for i, name in enumerate(names)
    ]
    (data / "labels.csv").write_text("\n".join([f"image,patient,view,split,fold,{','.join(FINDINGS)}", *rows]) + "\n")
    catalog = json.loads((CHEST14 / "catalog.json").read_text())
    (family / "catalog.json").write_text(json.dumps({**catalog, "family": "declared"}))
    args = ["scores", str(kept), "--data", str(data), "--family", str(family)]
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 0, result.output
    document = json.loads((family / "scores.json").read_text())
    assert document["family"] == "declared"  # as the catalog says, not as the folder is called
    assert document["films"] == [hashlib.sha256(name.encode()).hexdigest()[:16] for name in names]
    assert film_digests([data / "films" / names[0]]) == document["films"][:1]
    (kept / "scores-r256-fp32.npz").unlink()
    assert CliRunner().invoke(app, args).exit_code == 2
