"""One run, from its config to its scores."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from alara_train.data.films import BadData
from alara_train.recipes.finetuned.config import TrainConfig
from alara_train.recipes.finetuned.loop.checkpoint import Training, save
from alara_train.recipes.finetuned.loop.context import Context, make_context
from alara_train.recipes.finetuned.loop.distributed import Processes
from alara_train.recipes.finetuned.loop.epoch import close_epoch, finish
from alara_train.recipes.finetuned.loop.init import begin
from alara_train.recipes.finetuned.loop.log import RunLog
from alara_train.recipes.finetuned.loop.provenance import start_record
from alara_train.recipes.finetuned.loop.speed import measure
from alara_train.recipes.finetuned.loop.step import optimiser_step, rate
from alara_train.recipes.finetuned.roles import PreparedFilms, Roles, assign, data_record
from alara_train.recipes.finetuned.run_folder import RunFolder
from alara_train.toml_file import BadConfig

NOTE_STEPS = 10
"""Interval, in steps, at which losses are fetched from the device and logged."""


def train(
    config: TrainConfig,
    data: PreparedFilms,
    run: Path,
    *,
    processes: Processes | None = None,
    log: Callable[[str], None] = lambda _: None,
    quiet: bool = True,
    after_step: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Train one network, or continue to train it, and score it; a finished run is left as it is.

    Killed at any step and started again, a run on the CPU ends with bit for bit the same weights and scores.

    Args:
        config: Everything that can change the result.
        data: Prepared films.
        run: The run's folder; see `run_folder.RunFolder`.
        processes: The processes of this run; by default only this process, on the CPU.
        log: Receives messages before the first step.
        quiet: Hide the progress bar.
        after_step: Called with the number of every finished step.

    Returns:
        The content of `done.json`.

    Raises:
        BadConfig: The folder is of another config, or the config cannot be trained as it is.
        BadData: The films cannot be trained on as they are, or are not the films with which the run was begun.
    """
    processes = processes or Processes(torch.device("cpu"))
    folder = RunFolder(run)
    roles = assign(data, config)
    _claim(folder, config, roles, processes)
    if folder.done is not None:
        return folder.done
    context = make_context(config, data, roles, folder, processes)
    training = begin(context)
    if folder.last.is_file():
        training.restore(folder.last)
    _introduce(context, training, log)
    if not training.ended:
        _train(context, training, quiet or not processes.leads, after_step)
    return finish(context, training)


def _claim(folder: RunFolder, config: TrainConfig, roles: Roles, processes: Processes) -> None:
    """Claim the folder in the leading process, and raise its exception in all processes."""
    fault: Exception | None = None
    if processes.leads:
        try:
            folder.claim(config, data_record(roles))
        except (BadConfig, BadData) as error:
            fault = error
    if (shared := processes.agree(fault)) is not None:
        raise shared


def _introduce(context: Context, training: Training, log: Callable[[str], None]) -> None:
    """Record this start of the run, and log the first step and the speed."""
    if context.processes.leads:
        revisions = context.folder.add_start(start_record(context.processes, training.step))
        if len(revisions) > 1:
            log(f"the code has changed since this run began ({' → '.join(revisions)}): no single revision made it")
        if training.step:
            log(f"{context.folder.path}: continuing after step {training.step} of {context.steps}")
    if not training.ended:
        # In every process, because the network may communicate; the leading process reports its own speed.
        batches = context.batches(training.step)
        speed = measure(training.network, batches, context.loss, context.autocast, context.processes)
        if context.processes.leads:
            log(str(speed))


def _train(context: Context, training: Training, quiet: bool, after_step: Callable[[int], None]) -> None:
    """Train from the current step to the end."""
    config, processes, plan = context.config, context.processes, context.plan
    cuda = [processes.device.index] if processes.device.type == "cuda" else None
    shared = DistributedDataParallel(training.network, device_ids=cuda) if processes.size > 1 else None
    journal = None
    if processes.leads:
        size = config.batch_size * config.accumulate
        journal = RunLog(context.folder.log, training.step, training.log_bytes, context.steps, size, quiet)
    batches = context.batches(training.step)
    pending: list[tuple[int, float, Tensor]] = []
    since = time.perf_counter()
    while not training.ended:
        share = rate(training.step, round(config.warmup_epochs * plan.steps), context.steps)
        loss = optimiser_step(context, training, shared, batches, config.lr * share)
        pending.append((training.step, config.lr * share, loss))
        training.step += 1
        after_step(training.step)
        ends = training.step % plan.steps == 0
        keeps = training.step % config.checkpoint_steps == 0
        if not (ends or keeps or len(pending) == NOTE_STEPS):
            continue
        seconds = time.perf_counter() - since
        training.minutes = processes.agree(training.minutes + seconds / 60)
        _note(context, journal, pending, seconds)
        since = time.perf_counter()
        late = 0 < config.max_minutes <= training.minutes
        if ends or late:
            close_epoch(context, training, journal, late)
        if (ends or keeps or late) and journal is not None:
            training.log_bytes = journal.bytes
            save(context.folder.last, training.table(config.backbone, context.roles.findings))
    if journal is not None:
        journal.close()


def _note(context: Context, journal: RunLog | None, pending: list[tuple[int, float, Tensor]], seconds: float) -> None:
    """Log the pending steps, and empty `pending`."""
    shares = context.processes.gather([float(loss) for _, _, loss in pending])
    if journal is not None:
        records = [
            {"step": step + 1, "epoch": step // context.plan.steps, "loss": sum(parts), "lr": lr}
            for (step, lr, _), *parts in zip(pending, *shares, strict=True)
        ]
        journal.step(records, seconds)
    pending.clear()
