"""The recipe of networks that are trained end to end: finished runs of every side, exported in several precisions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from scipy.special import expit

from alara_train.data.films import BadData, Films, Floats, Ints, Labelled
from alara_train.data.pixels import UnreadableFilm, tensor
from alara_train.evaluate.measure import Measured
from alara_train.evaluate.scored import VariantScores
from alara_train.export.graph import MOST_DIFFERENCE, Unfaithful, fuse_pads, session, to_float16, to_onnx
from alara_train.export.quantise import quantise
from alara_train.input_gate.gate import Gate
from alara_train.input_gate.pixel_cache import Progress, Rows, cache_pixels, cached_key, load_rows
from alara_train.networks.classifier import Classifier
from alara_train.networks.efficientnet_lite import STRIDE
from alara_train.networks.pooling import Float32s, grid_shares
from alara_train.origin import Origin
from alara_train.recipes.finetuned.card_text import card_text
from alara_train.recipes.finetuned.export_settings import ExportSettings
from alara_train.recipes.finetuned.head import Head
from alara_train.recipes.finetuned.load_runs import Run, Runs, start_of, training_rows
from alara_train.recipes.finetuned.roles import Roles, assign
from alara_train.recipes.recipe import Evaluation, Spec, Trunk, Variant

MAP = "map"
"""The trunk's last map: the output of the trunk graph and the input of the head graph."""
MOST_DIFFERENCE_BY_PRECISION = {"fp32": MOST_DIFFERENCE, "fp16": 2e-2}
"""Largest accepted difference in probability from PyTorch in float32; int8 has no limit of its own."""
FLOAT_CONVOLUTIONS = (0, 1, 5, 9)
"""How many of the first convolutions stay float in int8, tried in this order."""
AT_ONCE = 8
COMPARED = 32
"""Training films on which int8 is compared with float32."""


def trunk_to_onnx(network: Classifier, side_px: int) -> onnx.ModelProto:
    """Export the trunk: `film` [N, 1, side, side] to its last map, `map` [N, width, h, w]."""
    graph = to_onnx(network.trunk, (torch.zeros(1, 1, side_px, side_px),), ["film"], [MAP])
    # If 32 does not divide the side, the padding repeats the film's border, which a convolution cannot do.
    return graph if side_px % STRIDE else fuse_pads(graph)


def head_to_onnx(head: Head, shape: tuple[int, ...]) -> onnx.ModelProto:
    """Export the head: `map` [1, width, h, w] to `logits`, `cam` and `gate`."""
    return to_onnx(head, (torch.zeros(*shape),), [MAP], ["logits", "cam", "gate"])


class FinetunedRecipe:
    """A `Recipe`. Every figure is of the served graph itself, computed by ONNX Runtime on the CPU."""

    def __init__(
        self,
        runs: Runs,
        precisions: tuple[str, ...],
        settings: ExportSettings,
        origin: Origin,
        *,
        cache: Path,
        threads: int,
        progress: Progress,
    ) -> None:
        """Take finished runs.

        Raises:
            BadData: The training films are all in one patient fold.
        """
        torch.set_num_threads(threads)
        self.runs, self.settings, self.origin = runs, settings, origin
        self.films: Films = runs.prepared.films
        self.split_digest = runs.prepared.split_digest
        self.gate_films: Films = self._draw_gate_films()
        self.gate_settings = settings.gate
        self.stages: tuple[str, ...] = (MAP,)
        self.scored_files = [self.films.path(row) for row in runs.scored.tolist()]
        self.specs = [Spec(side, precision) for side in runs.sides_px for precision in precisions]
        self.evaluation = Evaluation(
            protocol=runs.protocol,
            bootstraps=settings.bootstraps,
            seed=settings.seed,
            margin=settings.margin,
        )
        self._cache, self._threads, self._progress = cache, threads, progress

    def _draw_gate_films(self) -> Labelled:
        """Draw films that are not test films, in `gate_folds` groups of patients."""
        films, settings = self.runs.prepared.films, self.settings
        rows = np.flatnonzero((self.runs.roles.role != "test") & (films.fold >= 0))
        rng = np.random.default_rng([settings.seed, 1])
        chosen = films.take(np.sort(rng.choice(rows, min(settings.gate_own, len(rows)), replace=False)))
        fold = chosen.fold % settings.gate_folds
        if len(set(fold.tolist())) < 2:
            raise BadData("the input gate is measured by patient fold, and all training films are in one: set --folds")
        return replace(chosen, fold=fold)

    def _run(self, spec: Spec) -> Run:
        return next(run for run in self.runs.runs if run.config.side_px == spec.side_px)

    def key(self, specs: Sequence[Spec], what: Sequence[str]) -> str:
        """Digest of the weights, the films, the settings, the runtime and `what`."""
        sides = {spec.side_px for spec in specs}
        facts = {
            "weights": {
                str(run.config.side_px): [
                    run.done["weightsDigest"],
                    *(fold.done["weightsDigest"] for fold in self.runs.folds.get(run.config.side_px, ())),
                ]
                for run in self.runs.runs
                if run.config.side_px in sides
            },
            "films": self.runs.prepared.manifest["filmsSha256"],
            "split": self.split_digest,
            "settings": self.settings.record(),
            "onnxruntime": ort.__version__,
            "what": list(what),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def prepare(self, spec: Spec) -> Rows:
        """Resize the films and samples of the gate to every side, unless they are cached; returns those of one side.

        Raises:
            BadData: A film is no longer at the path that it had when the films were prepared.
        """
        sides, films = self.runs.sides_px, self.runs.prepared.manifest["filmsSha256"]
        name = hashlib.sha256(json.dumps([films, sides, self.settings.record()], sort_keys=True).encode()).hexdigest()
        folder = self._cache / f"gate-{name[:12]}" / "gate"
        if not cached_key(folder, sides):
            data = Path(self.runs.prepared.manifest["data"])
            try:
                cache_pixels(self.gate_films, data, sides, self.gate_settings, folder, self._progress)
            except (FileNotFoundError, UnreadableFilm) as error:
                raise BadData(f"the input gate needs the films themselves, and one cannot be read: {error}") from error
        return load_rows(folder, spec.side_px)

    def trunk(self, spec: Spec, rows: Rows) -> Trunk:
        """Export the trunk in the variant's precision, and compute the evidence of all rows."""
        network = self._run(spec).network
        exact = trunk_to_onnx(network, spec.side_px)
        graph, float_count = self._in_precision(exact, network, spec, self.runs.roles)
        pooled = self._pooled(graph, rows, f"{spec.id} gate")
        return Trunk(graph=graph, exact=exact, pooled=pooled, float_convolutions=float_count)

    def _in_precision(
        self, exact: onnx.ModelProto, network: Classifier, spec: Spec, roles: Roles
    ) -> tuple[onnx.ModelProto, int | None]:
        """Convert a trunk to the variant's precision; `roles` tell the films that the network was trained on."""
        if spec.precision == "fp16":
            return to_float16(exact), None
        return self._quantised(exact, network, spec.side_px, roles) if spec.precision == "int8" else (exact, None)

    def _quantised(
        self, exact: onnx.ModelProto, network: Classifier, side_px: int, roles: Roles
    ) -> tuple[onnx.ModelProto, int]:
        """Quantise a trunk, with as few of the first convolutions in float as the logits allow.

        The choice is made on training films of the network, without their labels.

        Returns:
            The graph, and how many convolutions stay float.
        """
        settings, pixels = self.settings, self.runs.prepared.pixels(side_px)
        ranges = tensor(pixels[training_rows(roles, settings.quantise_films, settings.seed)])
        film = tensor(pixels[training_rows(roles, COMPARED, settings.seed + 1)])
        expected = self._logits(exact, network, film)
        spread = expected.std(axis=0) + 1e-9
        candidates: list[tuple[float, int, onnx.ModelProto]] = []
        for count in FLOAT_CONVOLUTIONS:
            graph = quantise(exact, ranges, _first(exact, count))
            change = float((np.abs(self._logits(graph, network, film) - expected).mean(axis=0) / spread).mean())
            candidates.append((change, count, graph))
            if change <= settings.int8_apart:
                break
        _, count, graph = (
            candidates[-1] if candidates[-1][0] <= settings.int8_apart else min(candidates, key=lambda t: t[:2])
        )
        return graph, count

    def _logits(self, trunk: onnx.ModelProto, network: Classifier, film: Float32s) -> Floats:
        run = session(trunk, self._threads)
        pooled = np.concatenate([np.asarray(run.run([MAP], {"film": one[None]})[0]).mean(axis=(2, 3)) for one in film])
        weight, bias = network.weight.detach().numpy(), network.bias.detach().numpy()
        logits: Floats = (pooled @ weight.T + bias).astype(np.float64)
        return logits

    def _pooled(self, trunk: onnx.ModelProto, rows: Rows, title: str) -> Float32s:
        """The last map of every row, averaged on the gate's grid: [rows, C, cells]."""
        run = session(trunk, self._threads)
        every = []
        for row in self._progress(range(len(rows.kinds)), title):
            film = tensor(np.ascontiguousarray(rows.pixels[row])[None])
            last = np.asarray(run.run([MAP], {"film": film})[0][0])
            shares = grid_shares(last.shape[1], last.shape[2], self.settings.grid)
            every.append(last.reshape(last.shape[0], -1) @ shares)
        pooled: Float32s = np.stack(every)
        return pooled

    def head(self, spec: Spec, trunk: Trunk, gate: Gate) -> onnx.ModelProto:
        """Export the trained read-out with the gate."""
        network = self._run(spec).network
        with torch.no_grad():
            shape = tuple(network.trunk(torch.zeros(1, 1, spec.side_px, spec.side_px)).shape)
        return head_to_onnx(Head(network, gate, shape[2], shape[3], self.settings.grid), shape)

    def check(self, spec: Spec, path: Path, rows: Rows) -> float:
        """Largest difference in probability from PyTorch in float32, over a few training films.

        Raises:
            Unfaithful: The difference is too large, or the class-activation map is not finite or does not add up.
        """
        network = self._run(spec).network
        chosen = training_rows(self.runs.roles, AT_ONCE, self.settings.seed)
        film = tensor(self.runs.prepared.pixels(spec.side_px)[chosen])
        with torch.inference_mode():
            expected = network(torch.from_numpy(film))[0].numpy()
        logits, cam, gate = (np.asarray(v) for v in session(path).run(["logits", "cam", "gate"], {"film": film}))
        if not (np.isfinite(cam).all() and np.isfinite(gate).all()):
            raise Unfaithful(f"{path} gives a class-activation map or a gate that is not finite")
        if not np.allclose(cam.sum(axis=(2, 3)) + network.bias.detach().numpy(), logits, atol=1e-3):
            raise Unfaithful(f"{path}: the class-activation map does not add up to the logit")
        difference = float(np.abs(expit(expected) - expit(logits)).max())
        if difference > MOST_DIFFERENCE_BY_PRECISION.get(spec.precision, 1.0):
            advice = "; leave fp16 out of --precisions" if spec.precision == "fp16" else ""
            raise Unfaithful(f"{path} differs from PyTorch by {difference:.2g} in probability{advice}")
        return difference

    def scores(self, spec: Spec, path: Path) -> VariantScores:
        """Logits of the scored films: by the served graph, or in a cross-validation by the graph of the film's fold."""
        rows = self.runs.scored
        scores = self._out_of_fold(spec, rows) if self.runs.folds else self._served(spec, path, rows)
        return VariantScores.of(spec.id, spec.side_px, spec.precision, scores, self.runs.prepared.films.take(rows))

    def _out_of_fold(self, spec: Spec, rows: Ints) -> Floats:
        """Logits of films by the networks that did not train on them, in the precision of the variant."""
        films = self.runs.prepared.films
        pixels = self.runs.prepared.pixels(spec.side_px)
        scores = np.zeros((len(rows), len(self.runs.roles.findings)))
        folds = self.runs.folds[spec.side_px]
        for number in self._progress(range(len(folds)), f"{spec.id} folds"):
            run = folds[number]
            exact = trunk_to_onnx(run.network, spec.side_px)
            trunk, _ = self._in_precision(exact, run.network, spec, assign(self.runs.prepared, run.config))
            inside = np.flatnonzero(films.fold[rows] == run.config.fold)
            scores[inside] = self._logits(trunk, run.network, tensor(pixels[rows[inside]]))
        return scores

    def _served(self, spec: Spec, path: Path, rows: Ints) -> Floats:
        """Logits of films by the served graph."""
        run, pixels = session(path, self._threads), self.runs.prepared.pixels(spec.side_px)
        logits = []
        for first in self._progress(range(0, len(rows), AT_ONCE), f"{spec.id} scores"):
            film = tensor(pixels[rows[first : first + AT_ONCE]])
            logits.append(np.asarray(run.run(["logits"], {"film": film})[0]))
        scores: Floats = np.concatenate(logits).astype(np.float64)
        return scores

    def sample(self, spec: Spec) -> Float32s:
        """The first scored film as input [1, 1, side, side]."""
        return tensor(self.runs.prepared.pixels(spec.side_px)[self.runs.scored[:1]])

    def describe(self, variants: list[Variant], measured: Measured) -> dict[str, Any]:
        """The evaluation's `recipe`, with the card's text under `told`, and `originalsAgainstSmall`."""
        text = card_text(self.runs, variants, self.settings, self.origin)
        return {
            "recipe": {
                "kind": "trained",
                "backbone": ", ".join(dict.fromkeys(run.config.backbone for run in self.runs.runs)),
                "stages": ["the last map"],
                "grid": self.settings.grid,
                "runs": {str(run.config.side_px): _run_record(run) for run in self.runs.runs},
                "floatConvolutions": {v.id: v.float_convolutions for v in variants if v.float_convolutions is not None},
                "settings": self.settings.record(),
                "told": {"data": text.data, "recipe": text.recipe, "limits": text.limits, "sizes": text.sizes},
            },
            "originalsAgainstSmall": {"what": "not measured: the films themselves were trained on", "films": 0},
        }


def _run_record(run: Run) -> dict[str, Any]:
    config = run.config
    return {
        "backbone": config.backbone,
        "start": str(start_of(config)),
        "seed": config.seed,
        "epochs": run.done["epochs"],
        "ended": run.done["ended"],
        "scored": run.done["scored"],
        "selectedOnValidation": run.done["selectedOnValidation"],
        "weightsDigest": run.done["weightsDigest"],
    }


def _first(graph: onnx.ModelProto, count: int) -> tuple[str, ...]:
    """Names of all nodes before convolution number `count`, in the order of the graph."""
    names: list[str] = []
    for node in graph.graph.node:
        count -= node.op_type == "Conv"
        if count < 0:
            break
        names.append(node.name)
    return tuple(names) if count < 0 else tuple(n for n in names if n)
