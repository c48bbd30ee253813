"""The card's text for networks that were trained end to end, which the evaluation stores."""

from __future__ import annotations

from typing import Any

from alara_train.origin import Origin
from alara_train.recipes.card_text import CardText
from alara_train.recipes.finetuned.export_settings import ExportSettings
from alara_train.recipes.finetuned.load_runs import Runs, start_of
from alara_train.recipes.finetuned.roles import TEST, TRAIN, VAL
from alara_train.recipes.recipe import Variant

VERB = "export"
HELD_OUT = (
    "Protocol `heldOut`: the served weights were trained only on training films. Calibration and thresholds were "
    "chosen on the validation films; AUROC, sensitivity and specificity are of the test films, on which nothing was "
    "chosen. Every figure of a variant is of its own ONNX graph."
)
CROSS_VALIDATED = (
    "Protocol `crossValidated`: the served weights were trained on every film, by the recipe that is measured. Every "
    "film is scored by the network of its fold, which did not train on the film's patient, as an ONNX graph in the "
    "precision of the variant. Calibration and thresholds for a film are chosen on the other folds."
)


def card_text(runs: Runs, variants: list[Variant], settings: ExportSettings, origin: Origin) -> CardText:
    """Write the paragraphs."""
    backbones = list(dict.fromkeys(run.config.backbone for run in runs.runs))
    return CardText(
        verb=VERB,
        data=_data(runs, origin),
        recipe=_recipe(runs, variants, settings, backbones),
        sizes="Differences between sizes compare networks that were trained separately, one run per size"
        f"{' and fold' if runs.folds else ''}: they contain the random variation between runs as well as the effect of "
        "the size.",
        limits=_limits(runs),
    )


def stored_text(stored: dict[str, Any]) -> CardText:
    """Read the text that an evaluation stores."""
    return CardText(verb=VERB, **{name: stored[name] for name in ("data", "recipe", "limits", "sizes")})


def _data(runs: Runs, origin: Origin) -> list[str]:
    films, manifest = runs.prepared.films, runs.prepared.manifest
    counted = ", ".join(f"{len(runs.roles.rows(role))} {role}" for role in (TRAIN, VAL, TEST))
    if runs.folds:
        counted = f"{len(next(iter(runs.folds.values())))} folds"
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
        lines += ["", f"{left_out} films were left out: missing, unreadable, or under two patients."]
    return lines


def _recipe(runs: Runs, variants: list[Variant], settings: ExportSettings, backbones: list[str]) -> list[str]:
    starts = sorted({str(start_of(run.config)) for run in runs.runs})
    sizes = ", ".join(str(side) for side in runs.sides_px)
    kept = runs.runs[0].config.frozen_stages
    frozen = f", stem and first {kept} of 7 stages frozen" if kept else ""
    selected = any(run.done["selectedOnValidation"] for run in runs.runs)
    lines = [
        f"{' and '.join(backbones)}, trained end to end on one gray channel {' and '.join(starts)}, one "
        f"run for each of {sizes} px{frozen}; global average pooling and a linear layer, whose class-activation "
        "map adds up to the logit, less its bias.",
        "",
        f"{CROSS_VALIDATED if runs.folds else HELD_OUT} Intervals: {settings.bootstraps} resamples of patients.",
    ]
    if selected:
        lines += [
            "",
            "The epoch that is served was chosen by AUROC on the validation films, so that calibration and thresholds, "
            "which come from the same films, are slightly too optimistic.",
        ]
    if any(v.spec.precision == "int8" for v in variants):
        counts = "; ".join(f"{v.id} {v.float_convolutions}" for v in variants if v.float_convolutions is not None)
        lines += [
            "",
            f"int8: static quantisation, ranges from {settings.quantise_films} training films at most, without labels. "
            f"Convolutions at the beginning that stay float: {counts}.",
        ]
    if any(v.spec.precision == "fp16" for v in variants):
        lines += [
            "",
            "fp16 computes in float16 inside, for GPUs; its scores and its time here were measured on a CPU, "
            "where it is not faster.",
        ]
    return lines


def _limits(runs: Runs) -> list[str]:
    return [
        f"- Trained and measured on one data set ({len(runs.prepared.films)} films): expect lower figures elsewhere.",
        f"- Calibration and thresholds assume the prevalence of the {'films' if runs.folds else 'validation films'}.",
        "- The class-activation map shows where the evidence lay, not where the disease is.",
        f"- Each {'fold of a size' if runs.folds else 'size'} is one run: the difference that another seed makes was "
        "not measured.",
    ]
