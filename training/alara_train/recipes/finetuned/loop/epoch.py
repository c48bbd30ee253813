"""What an epoch and a run are worth: validation, early stop, and the scores that are kept."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from io import BytesIO
from typing import Any

import numpy as np
import torch
from torch import nn

from alara_train.atomic_file import write_atomic
from alara_train.data.films import Floats, Ints
from alara_train.digest import weights_digest
from alara_train.evaluate.weighted_roc import auroc
from alara_train.networks.classifier import Classifier
from alara_train.recipes.finetuned.loop.batches import scoring_batches
from alara_train.recipes.finetuned.loop.checkpoint import Training, save, weights_table
from alara_train.recipes.finetuned.loop.context import Context
from alara_train.recipes.finetuned.loop.distributed import Processes
from alara_train.recipes.finetuned.loop.log import Journal
from alara_train.recipes.finetuned.roles import TEST, UNKNOWN, VAL, Uint8s


def close_epoch(context: Context, training: Training, journal: Journal | None, late: bool) -> None:
    """Validate the averaged weights, keep them if they are the ones to score, and decide whether to go on."""
    config, epoch = context.config, (training.step - 1) // context.plan.steps
    rows = context.roles.rows(VAL)
    # Epochs are compared in the precision of training. The scores that a run keeps are computed in float32.
    logits = _score(context, training.average.network, rows, context.autocast)
    values = aurocs(logits, context.roles.labels[rows], context.roles.findings)
    mean = float(np.mean(list(values.values())))
    better = mean > training.best
    if better:
        training.best, training.best_epoch = mean, epoch
    if training.step == context.steps:
        training.ended = "epochs"
    elif late:
        training.ended = "max_minutes"
    elif config.early_stop_epochs and epoch - training.best_epoch >= config.early_stop_epochs:
        training.ended = "early stop"
    if journal is not None:
        if better or config.scored == "last":
            save(context.folder.best, weights_table(training.average.network, config.backbone, context.roles.findings))
        journal.epoch({"step": training.step, "epoch": epoch, "meanAuroc": mean, "auroc": values})


def _score(context: Context, network: Classifier, rows: Ints, autocast: torch.autocast | None = None) -> Floats:
    # On the CPU each process keeps running statistics of its own films: the leading one's count.
    if context.processes.size > 1:
        for buffer in network.buffers():
            torch.distributed.broadcast(buffer, 0)
    size = max(1, context.config.batch_size // context.processes.size)
    return score(
        network, context.pixels, context.roles.labels, rows, size, context.config.workers, context.processes, autocast
    )


def finish(context: Context, training: Training) -> dict[str, Any]:
    """Score the validation and test films by the weights that the config names, and log that the run is done."""
    config, folder, roles = context.config, context.folder, context.roles
    context.processes.agree(None)
    table = torch.load(folder.best, map_location="cpu", weights_only=True)
    network = training.average.network
    network.load_state_dict(table["weights"])
    rows = roles.rows(VAL, TEST)
    logits = _score(context, network, rows).astype(np.float32)
    done: dict[str, Any] = {
        "ended": training.ended,
        "steps": training.step,
        "epochs": training.step / context.plan.steps,
        "minutes": round(training.minutes, 3),
        "scored": config.scored,
        "bestEpoch": training.best_epoch,
        # The best epoch was chosen on the validation films, so that their own scores flatter.
        "selectedOnValidation": config.scored == "best" or config.early_stop_epochs > 0,
        "auroc": {},
        "weightsDigest": weights_digest(table["weights"]),
    }
    for role in (VAL, TEST):
        inside = roles.role[rows] == role
        values = aurocs(logits[inside].astype(np.float64), roles.labels[rows[inside]], context.roles.findings)
        if values:
            done["auroc"][role] = {"mean": float(np.mean(list(values.values()))), **values}
    if context.processes.leads:
        buffer = BytesIO()
        np.savez(
            buffer,
            names=np.array(roles.names)[rows],
            rows=rows,
            findings=np.array(context.roles.findings),
            logits=logits,
            labels=roles.labels[rows],
            patients=roles.patients[rows],
            split=roles.role[rows],
            fold=roles.fold[rows],
            validation_fold=np.array(config.fold),
        )
        write_atomic(folder.scores, buffer.getvalue())
        folder.write("done.json", done)
    context.processes.agree(None)
    return done


def score(
    network: nn.Module,
    pixels: Uint8s,
    labels: Ints,
    rows: Ints,
    size: int,
    workers: int,
    processes: Processes,
    autocast: AbstractContextManager[Any] | None = None,
) -> Floats:
    """Score films without augmentation: logits [len(rows), F], the same in every process.

    Args:
        network: In evaluation mode; gives logits and map.
        pixels: [N, side, side].
        labels: [N, F], which give the number of outputs.
        rows: Which films.
        size: Films a forward pass of one process.
        workers: Processes that read films.
        processes: Who shares the work.
        autocast: The precision that convolutions compute in; float32 by default.
    """
    part = np.arange(processes.rank, len(rows), processes.size)
    logits = np.zeros((len(part), labels.shape[1]))
    done = 0
    with torch.inference_mode(), autocast or nullcontext():
        for chunk, batch in scoring_batches(pixels, labels, rows[part], size, workers, processes.device.type == "cuda"):
            out, _ = network(batch.to(processes.device).tensor())
            logits[done : done + len(chunk)] = out.float().cpu().numpy()
            done += len(chunk)
    whole = np.empty((len(rows), labels.shape[1]))
    for places, values in processes.gather((part, logits)):
        whole[places] = values
    return whole


def aurocs(logits: Floats, labels: Ints, findings: tuple[str, ...]) -> dict[str, float]:
    """AUROC by finding over the films whose label is known; findings of one class are left out."""
    values: dict[str, float] = {}
    for j, finding in enumerate(findings):
        known = labels[:, j] != UNKNOWN
        y = labels[known, j]
        if 0 < int(y.sum()) < len(y):
            values[finding] = auroc(logits[known, j], y)
    return values
