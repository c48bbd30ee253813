"""The card's text for a frozen trunk, from the catalog and the evaluation alone."""

from __future__ import annotations

from typing import Any

from alara_train.origin import NIH
from alara_train.recipes.card_text import CardText


def card_text(catalog: dict[str, Any], evaluation: dict[str, Any]) -> CardText:
    """Write the paragraphs; each sentence about the data depends on what the documents say of the data."""
    origin, native = catalog["provenance"], evaluation["originalsAgainstSmall"]
    nih, small = origin["dataset"].startswith(NIH.dataset), bool(native["films"])
    return CardText(
        verb="family",
        data=_data(origin, evaluation, nih=nih, small=small),
        recipe=_recipe(evaluation, native, small=small),
        sizes="Differences between sizes compare this family's graphs with each other. They do not show what the films "
        "lose by being small: the network's grid grows with its input"
        + (", and the films are 576 px JPEGs." if small else "."),
        limits=_limits(origin, native, nih=nih, small=small),
    )


def _data(origin: dict[str, Any], evaluation: dict[str, Any], *, nih: bool, small: bool) -> list[str]:
    made = ", 576 px JPEG made from the 1024 px originals" if small else ""
    mined = " Labels were mined from reports by text and are noisy." if nih else ""
    lines = [
        f"{origin['dataset']}: {origin['films']} films of {origin['patients']} patients{made}. {origin['licence']}. "
        f"{origin['acknowledgement']} [Download site]({origin['link']}). {origin['citation']}{mined}",
    ]
    if len(evaluation["collections"]) > 1:
        lines += [
            "",
            "The sample is selected: it comes from several collections with different prevalence, which "
            "distorts pooled AUROC, mostly upwards. Read the columns by collection, the AUROC within strata, and the "
            "baseline, which sees no pixel.",
        ]
    return lines


def _recipe(evaluation: dict[str, Any], native: dict[str, Any], *, small: bool) -> list[str]:
    recipe = evaluation["recipe"]
    still = (
        f"The {native['films']} films whose originals were available add rows that make scores insensitive to the "
        "difference between the original and its JPEG. "
        if small
        else ""
    )
    return [
        f"{_trunk(recipe)} Maps of the stages "
        f"{', '.join(recipe['stages'])} and their squares, averaged on a {recipe['grid']} x {recipe['grid']} grid; "
        "ridge regression on the films and their mirror images. All maps have the same weight, and a channel's "
        "mean over the film is used beside its cells, so that the weights of its cells are similar. The chosen "
        "strength ranks films of the same view and collection best, by inner "
        f"patient folds. {still}int8 variants: quantised trunk (the stem, the first two blocks and the head stay "
        "float), head fitted on the quantised trunk's own features.",
        "",
        f"Protocol `{evaluation['protocol']}`: five patient folds, {evaluation['pooling']}; the served weights "
        "were refitted on all films, and are not measured themselves. Intervals: "
        f"{evaluation['bootstraps']} resamples of patients, 500 for subgroups and operating points. Backbone, stages, "
        "grid, the balance of maps and means, the range of ridge strengths and the weight of these rows were "
        "chosen on the same five folds (about twenty settings of features, .689 to .750 in the mean at "
        "512 px, and about ninety of the regression, .711 to .752), so the figures are optimistic by an amount that "
        "was not measured. Screening at 512 px favours this size: the comparison of sizes is biased by the choice of "
        "the recipe. Ranges of int8 activations come from 128 of the same films, without labels.",
    ]


def _trunk(recipe: dict[str, Any]) -> str:
    tuned = recipe.get("tuned")
    if not tuned:
        return f"{recipe['backbone']} with ImageNet weights, frozen, one gray channel."
    return (
        f"{recipe['backbone']} on one gray channel. The trunk, one for all sizes, is the mean of ImageNet's weights "
        f"and those of networks {tuned}, and is then frozen (a uniform soup: Wortsman et al., ICML 2022). Every fold "
        "has its own trunk, which did not see the films of the fold. The input gate is measured by patient fold on the "
        "trunk that is served, which saw all films."
    )


def _limits(origin: dict[str, Any], native: dict[str, Any], *, nih: bool, small: bool) -> list[str]:
    trained = "few, selected films of one hospital" if nih else f"{origin['films']} films of one data set"
    lines = [
        f"- Trained on {trained}: expect lower figures anywhere else.",
        "- Calibration and thresholds come from out-of-fold scores of the same sample and assume its prevalence.",
        "- The graph's class-activation map adds up to the logit exactly, less its bias; it shows where the evidence "
        "lay, not where the disease is.",
    ]
    if small:
        worst = max(native["variants"].values(), key=lambda v: float(v["maxAbsolute"]))
        mean = max(float(v["meanAbsolute"]) for v in native["variants"].values())
        lines.append(
            f"- Training films are 576 px JPEGs. On {native['films']} originals of 1024 px, probability changes, out "
            f"of fold, by at most {mean:.3f} in the mean of a variant and {worst['maxAbsolute']:.3f} for one film and "
            "finding."
        )
    return lines
