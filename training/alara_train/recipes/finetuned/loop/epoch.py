"""The end of an epoch and of a run: validation, early stop and scores."""

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
from alara_train.evaluate.auroc import auroc
from alara_train.networks.classifier import Classifier
from alara_train.recipes.finetuned.loop.batches import scoring_batches
from alara_train.recipes.finetuned.loop.checkpoint import Training, save, weights_table
from alara_train.recipes.finetuned.loop.context import Context
from alara_train.recipes.finetuned.loop.distributed import Processes
from alara_train.recipes.finetuned.loop.log import RunLog
from alara_train.recipes.finetuned.roles import TEST, UNKNOWN, VAL, Uint8s


def close_epoch(context: Context, training: Training, journal: RunLog | None, late: bool) -> None:
    """Validate the averaged weights, save them if they are to be scored, and decide whether training ends."""
    config, epoch = context.config, (training.step - 1) // context.plan.steps
    values = _validate(context, training)
    mean = float(np.mean(list(values.values()))) if values else -1.0
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
        if values:
            journal.epoch({"step": training.step, "epoch": epoch, "meanAuroc": mean, "auroc": values})


def _validate(context: Context, training: Training) -> dict[str, float]:
    """AUROC per finding of the averaged weights; empty if the run trains on every film."""
    rows = context.roles.rows(VAL)
    if not len(rows):
        return {}
    # Epochs are compared in the precision of training. The final scores of a run are computed in float32.
    logits = _score(context, training.average.network, rows, context.autocast)
    return aurocs(logits, context.roles.labels[rows], context.roles.findings)


def _score(context: Context, network: Classifier, rows: Ints, autocast: torch.autocast | None = None) -> Floats:
    # On the CPU, each process has running statistics of its own films. Take those of the leading process.
    if context.processes.size > 1:
        for buffer in network.buffers():
            torch.distributed.broadcast(buffer, 0)
    size = max(1, context.config.batch_size // context.processes.size)
    return score(
        network, context.pixels, context.roles.labels, rows, size, context.config.workers, context.processes, autocast
    )


def finish(context: Context, training: Training) -> dict[str, Any]:
    """Score the validation and test films with the weights that the config names, and write `done.json`."""
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
        # If the epoch was chosen on the validation films, their scores are too good.
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
        network: In evaluation mode; returns logits and map.
        pixels: [N, side, side].
        labels: [N, F], for the number of outputs.
        rows: The films to score.
        size: Films per forward pass of one process.
        workers: Processes that read films.
        processes: The processes that share the work.
        autocast: The precision of the convolutions; float32 by default.
    """
    part = np.arange(processes.rank, len(rows), processes.size)
    logits = np.zeros((len(part), labels.shape[1]))
    done = 0
    with torch.inference_mode(), autocast or nullcontext():
        for chunk, batch in scoring_batches(pixels, labels, rows[part], size, workers, processes.device.type == "cuda"):
            out, _ = network(batch.to(processes.device).tensor())
            logits[done : done + len(chunk)] = out.float().cpu().numpy()
            done += len(chunk)
    merged = np.empty((len(rows), labels.shape[1]))
    for places, values in processes.gather((part, logits)):
        merged[places] = values
    return merged


def aurocs(logits: Floats, labels: Ints, findings: tuple[str, ...]) -> dict[str, float]:
    """AUROC per finding over the films with a known label; findings with only one class are left out."""
    values: dict[str, float] = {}
    for j, finding in enumerate(findings):
        known = labels[:, j] != UNKNOWN
        y = labels[known, j]
        if 0 < int(y.sum()) < len(y):
            values[finding] = auroc(logits[known, j], y)
    return values
