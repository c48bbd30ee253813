"""What a card says of data, recipe and limits where networks were trained end to end: words kept in the evaluation."""

from __future__ import annotations

from typing import Any

from alara_train.origin import Origin
from alara_train.recipes.finetuned.export_settings import ExportSettings
from alara_train.recipes.finetuned.load_runs import Run, Runs
from alara_train.recipes.finetuned.roles import TEST, TRAIN, VAL
from alara_train.recipes.finetuned.variants import Variant

SECTIONS = {"## Data": "data", "## Recipe": "recipe", "## Limits": "limits"}
SIZES = "Differences between sizes compare"


def recipe(runs: Runs, variants: list[Variant], settings: ExportSettings, origin: Origin) -> dict[str, Any]:
    """What the evaluation says of how the family was made; `told` is in the card's words."""
    backbones = list(dict.fromkeys(run.config.backbone for run in runs.runs))
    return {
        "kind": "trained",
        "backbone": ", ".join(backbones),
        "stages": ["the last map"],
        "grid": settings.grid,
        "runs": {str(run.config.side_px): _run(run) for run in runs.runs},
        "floatConvolutions": {v.id: v.float_convolutions for v in variants if v.float_convolutions is not None},
        "settings": settings.record(),
        "told": {
            "data": _data(runs, origin),
            "recipe": _recipe(runs, variants, settings, backbones),
            "limits": _limits(runs),
            "sizes": "Differences between sizes compare networks that were trained apart, one run a size: they hold "
            "the chance of a run as well as the size.",
        },
    }


def _run(run: Run) -> dict[str, Any]:
    config = run.config
    return {
        "backbone": config.backbone,
        "start": config.start.partition(":")[0],
        "seed": config.seed,
        "epochs": run.done["epochs"],
        "ended": run.done["ended"],
        "scored": run.done["scored"],
        "selectedOnValidation": run.done["selectedOnValidation"],
        "weightsDigest": run.done["weightsDigest"],
    }


def _data(runs: Runs, origin: Origin) -> list[str]:
    films, manifest = runs.prepared.films, runs.prepared.manifest
    counted = ", ".join(f"{len(runs.roles.rows(role))} {role}" for role in (TRAIN, VAL, TEST))
    lines = [
        f"{origin.dataset}: {len(films)} films of {len(set(films.patients.tolist()))} patients ({counted}), no patient "
        f"in two of these. {origin.licence}. {origin.acknowledgement} [Download site]({origin.link}). {origin.citation}"
    ]
    if manifest["layout"] == "nih":
        lines += [
            "",
            "Test films are those of the official list; validation was drawn by patient from the others. Labels were "
            "mined from reports by text and are noisy.",
        ]
    if left_out := len(manifest["leftOut"]):
        lines += ["", f"{left_out} films were left out: missing, unreadable, or filed under two patients."]
    return lines


def _recipe(runs: Runs, variants: list[Variant], settings: ExportSettings, backbones: list[str]) -> list[str]:
    starts = sorted({run.config.start.partition(":")[0] for run in runs.runs})
    sizes = ", ".join(str(side) for side in runs.sides_px)
    selected = any(run.done["selectedOnValidation"] for run in runs.runs)
    lines = [
        f"{' and '.join(backbones)}, trained end to end from {' and '.join(starts)} weights on one gray channel, one "
        f"run for each of {sizes} px; global average pooling and a linear layer, whose class-activation map adds up to "
        "the logit, less its bias.",
        "",
        "Protocol `heldOut`: the served weights saw training films alone. Calibration and thresholds were chosen on "
        "the validation films; AUROC, sensitivity and specificity are of the test films, which chose nothing. "
        f"Intervals: {settings.bootstraps} resamples of patients. Every figure of a variant is of its own ONNX graph.",
    ]
    if selected:
        lines += [
            "",
            "The epoch that is served was chosen by AUROC on the validation films, so that calibration and thresholds, "
            "which come from the same films, are slightly too sure of themselves.",
        ]
    if any(v.precision == "int8" for v in variants):
        kept = "; ".join(f"{v.id} {v.float_convolutions}" for v in variants if v.float_convolutions is not None)
        lines += [
            "",
            f"int8: static quantisation, ranges from {settings.quantise_films} training films at most, without labels. "
            f"Convolutions at the beginning that stay float: {kept}.",
        ]
    if any(v.precision == "fp16" for v in variants):
        lines += [
            "",
            "fp16 computes in float16 inside, for GPUs; its scores and its time here are of a CPU, where it gains "
            "nothing.",
        ]
    return lines


def _limits(runs: Runs) -> list[str]:
    return [
        f"- Trained and measured on one data set ({len(runs.prepared.films)} films): expect lower figures elsewhere.",
        "- Calibration and thresholds assume the prevalence of the validation films.",
        "- The class-activation map shows where the evidence lay, not where the disease is.",
        "- Each size is one run: the difference that another seed makes was not measured.",
    ]


def told(evaluation: dict[str, Any], card: str) -> str:
    """Put the words that an evaluation keeps in place of the frozen-trunk family's; without such words, nothing."""
    words = evaluation.get("recipe", {}).get("told")
    if not words:
        return card
    lines: list[str] = []
    replaced = False
    for line in card.splitlines():
        if line.startswith("## "):
            replaced = line in SECTIONS
            lines.append(line)
            if replaced:
                lines += ["", *words[SECTIONS[line]], ""]
        elif replaced:
            continue
        elif line.startswith(SIZES):
            lines.append(words["sizes"])
        elif line.startswith("Of the largest int8 variant") and _without_int8(evaluation):
            lines.append("Of the largest variant; the others are in `evaluation.json`.")
        else:
            lines.append(line.replace("`alara-train family`", "`alara-train export`"))
    return "\n".join(lines).rstrip() + "\n"


def _without_int8(evaluation: dict[str, Any]) -> bool:
    return all(v["precision"] != "int8" for v in evaluation["variants"].values())
