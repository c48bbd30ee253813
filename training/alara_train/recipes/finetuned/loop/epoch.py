"""What an epoch and a run are worth: validation, early stop, and the scores that are kept."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import torch

from alara_train.atomic_file import write_whole
from alara_train.data.films import Floats, Ints
from alara_train.networks.classifier import Classifier
from alara_train.recipes.finetuned.loop.checkpoint import Training, digest, save, weights_table
from alara_train.recipes.finetuned.loop.context import Scene
from alara_train.recipes.finetuned.loop.log import Journal
from alara_train.recipes.finetuned.loop.score import aurocs, score
from alara_train.recipes.finetuned.roles import TEST, VAL


def close_epoch(scene: Scene, training: Training, journal: Journal | None, late: bool) -> None:
    """Validate the averaged weights, keep them if they are the ones to score, and decide whether to go on."""
    config, epoch = scene.config, (training.step - 1) // scene.plan.steps
    rows = scene.roles.rows(VAL)
    # Epochs are compared in the precision of training. The scores that a run keeps are computed in float32.
    logits = _score(scene, training.average.network, rows, scene.autocast)
    values = aurocs(logits, scene.roles.labels[rows], scene.roles.findings)
    mean = float(np.mean(list(values.values())))
    better = mean > training.best
    if better:
        training.best, training.best_epoch = mean, epoch
    if training.step == scene.steps:
        training.ended = "epochs"
    elif late:
        training.ended = "max_minutes"
    elif config.early_stop_epochs and epoch - training.best_epoch >= config.early_stop_epochs:
        training.ended = "early stop"
    if journal is not None:
        if better or config.scored == "last":
            save(scene.folder.best, weights_table(training.average.network, config.backbone, scene.roles.findings))
        journal.epoch({"step": training.step, "epoch": epoch, "meanAuroc": mean, "auroc": values})


def _score(scene: Scene, network: Classifier, rows: Ints, autocast: torch.autocast | None = None) -> Floats:
    # On the CPU each process keeps running statistics of its own films: the leading one's count.
    if scene.world.size > 1:
        for buffer in network.buffers():
            torch.distributed.broadcast(buffer, 0)
    size = max(1, scene.config.batch_size // scene.world.size)
    return score(network, scene.pixels, scene.roles.labels, rows, size, scene.config.workers, scene.world, autocast)


def finish(scene: Scene, training: Training) -> dict[str, Any]:
    """Score the validation and test films by the weights that the config names, and say that the run is done."""
    config, folder, roles = scene.config, scene.folder, scene.roles
    scene.world.agree(None)
    table = torch.load(folder.best, map_location="cpu", weights_only=True)
    network = training.average.network
    network.load_state_dict(table["weights"])
    rows = roles.rows(VAL, TEST)
    logits = _score(scene, network, rows).astype(np.float32)
    done: dict[str, Any] = {
        "ended": training.ended,
        "steps": training.step,
        "epochs": training.step / scene.plan.steps,
        "minutes": round(training.minutes, 3),
        "scored": config.scored,
        "bestEpoch": training.best_epoch,
        # The best epoch was chosen on the validation films, so that their own scores flatter.
        "selectedOnValidation": config.scored == "best" or config.early_stop_epochs > 0,
        "auroc": {},
        "weightsDigest": digest(table["weights"]),
    }
    for role in (VAL, TEST):
        inside = roles.role[rows] == role
        values = aurocs(logits[inside].astype(np.float64), roles.labels[rows[inside]], scene.roles.findings)
        if values:
            done["auroc"][role] = {"mean": float(np.mean(list(values.values()))), **values}
    if scene.world.leads:
        buffer = BytesIO()
        np.savez(
            buffer,
            names=np.array(roles.names)[rows],
            rows=rows,
            findings=np.array(scene.roles.findings),
            logits=logits,
            labels=roles.labels[rows],
            patients=roles.patients[rows],
            split=roles.role[rows],
            fold=roles.fold[rows],
            validation_fold=np.array(config.fold),
        )
        write_whole(folder.scores, buffer.getvalue())
        folder.write("done.json", done)
    scene.world.agree(None)
    return done
