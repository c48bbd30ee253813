"""The initial state of a run."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from alara_train.networks.classifier import Classifier
from alara_train.networks.efficientnet_lite import Lite
from alara_train.networks.registry import build
from alara_train.recipes.finetuned.config import TrainConfig
from alara_train.recipes.finetuned.loop.checkpoint import Average, Training
from alara_train.recipes.finetuned.loop.context import Context
from alara_train.recipes.finetuned.roles import TRAIN


def frozen(network: Classifier, config: TrainConfig) -> list[nn.Module]:
    """The parts of the network that keep their initial weights and statistics."""
    return network.trunk.body.first(config.frozen_stages) if isinstance(network.trunk, Lite) else []


def begin(context: Context) -> Training:
    """Build the network, its average and the optimiser."""
    config, device = context.config, context.processes.device
    # Without this, cuDNN would round float32 inputs to a mantissa of 10 bits.
    torch.backends.cudnn.allow_tf32 = False
    # Every batch of a run has one shape, so cuDNN may time its algorithms once and keep the fastest.
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(config.seed)
    findings = context.roles.findings
    network = build(config.backbone, outputs=len(findings), start=config.start, findings=findings)
    if config.loss == "bce" and not config.start.startswith("checkpoint"):
        # Start from the log odds of each finding, so that the first steps need not learn that findings are rare.
        present, absent = context.roles.counts(TRAIN)
        with torch.no_grad():
            network.bias.copy_(torch.from_numpy(np.log(present / absent)))
    network.dropout = config.dropout
    network.to(device)
    if config.channels_last:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in the stub
    for module in frozen(network, config):
        module.requires_grad_(False)
    average = Average(network, config.ema)
    if device.type == "cuda" and context.processes.size > 1 and config.norms == "batch":
        network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    learned = [p for p in network.parameters() if p.requires_grad]
    decayed = [p for p in learned if p.ndim > 1]
    spared = [p for p in learned if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": config.weight_decay}, {"params": spared, "weight_decay": 0.0}],
        lr=config.lr,
    )
    scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "fp16")
    return Training(network=network, average=average, optimiser=optimiser, scaler=scaler)
