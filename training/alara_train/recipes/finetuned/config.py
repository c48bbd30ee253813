"""The configuration of a run: one frozen value from one TOML file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from alara_train.data.films import EVERY_FILM
from alara_train.networks.efficientnet_lite import SCALES, STAGES
from alara_train.networks.registry import BACKBONES
from alara_train.toml_file import BadConfig, read_toml, values_of

ALL = "all"
LOSSES = ("bce", "weighted", "asymmetric")
PRECISIONS = ("off", "bf16", "fp16")
NORMS = ("batch", "frozen")
SCORED = ("best", "last")
NO_FOLD = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """Random changes of a training film. There is no vertical flip, on purpose."""

    rotate_degrees: float
    """Largest rotation, in both directions."""
    scale: float
    """Largest enlargement or reduction, as a share."""
    translate: float
    """Largest shift along each axis, as a share of the side."""
    brightness: float
    """Largest shift of the gray value, which lies in [0, 1]."""
    contrast: float
    """Largest change of contrast about mid-gray, as a share."""
    gamma: float
    """Largest exponent; the smallest is its inverse; 1 leaves the film unchanged."""
    noise: float
    """Largest standard deviation of white noise, for gray values in [0, 1]."""
    horizontal_flip: bool
    """Mirror half of the films. Mirroring turns normal anatomy into situs inversus: use it only with a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """Everything that can change a result. Nothing else may; a key without a default is required."""

    backbone: str
    """A key of `networks.registry.BACKBONES`."""
    start: str
    """`random`, `imagenet`, `imagenet:<path>` or `checkpoint:<path>`."""
    labels: str
    """`all` for one network with one output per finding, or the name of a finding for the paper's binary network."""
    side_px: int
    """32 to 1024."""
    seed: int
    epochs: int
    batch_size: int
    """Films per forward pass of all processes together, so that the number of processes does not change a result."""
    accumulate: int
    """Forward passes per step of the optimiser."""
    lr: float
    """Highest learning rate, of AdamW."""
    weight_decay: float
    """Applies to convolutions and the read-out, not to norms and biases."""
    warmup_epochs: float
    """Epochs in which the rate rises linearly; afterwards it falls to zero by a half cosine."""
    dropout: float
    """Share of the last map's channels that training leaves out."""
    ema: float
    """Decay per step of the averaged weights that are scored; 0 scores the weights themselves."""
    norms: str
    """`batch`, or `frozen`: batch normalisation keeps its initial statistics."""
    loss: str
    """`bce`, `weighted` (both classes of a finding have the same weight) or `asymmetric` (Ridnik 2021)."""
    precision: str
    """`off`, `bf16` or `fp16`: precision of the convolutions."""
    channels_last: bool
    workers: int
    """Reader processes per training process; 0 reads in the training process."""
    early_stop_epochs: int
    """Stop when the mean AUROC on validation has not risen for this many epochs; 0 never stops."""
    scored: str
    """`best`: the epoch of highest validation AUROC, which flatters the validation scores. `last`: the last epoch."""
    fold: int
    """Validate on this fold and train on the others; -1 takes the data set's own train and val; -2 trains on every film
    that has a fold, and validates on none."""
    max_minutes: float
    """End training after this time; 0 is no limit. No other key makes a result depend on the machine."""
    checkpoint_steps: int
    """Write `last.pt` after this many steps, and after every epoch."""
    augment: Augmentation
    clip_norm: float = 0.0
    """Largest norm of the gradient of a step; a larger gradient is scaled down to this norm. 0 changes no gradient. It
    is the default, so that a run of a config without this key resumes to the same weights bit for bit."""
    frozen_stages: int = 0
    """Stages of an EfficientNet-Lite, counted from the film, that keep their initial weights and statistics, with the
    stem. The first stages have the largest maps: without learning three of seven, an epoch takes 58 % of the time."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a TOML file.

        Raises:
            BadConfig: The file is not TOML, a key is missing or unknown, or a value is out of range.
        """
        return cls.parse(read_toml(path), str(path))

    @classmethod
    def parse(cls, table: dict[str, Any], where: str) -> Self:
        """Make a config from a TOML table; `where` names the table in messages.

        Raises:
            BadConfig: A key is missing or unknown, or a value is out of range.
        """
        values = _values(cls, table, where)
        values["augment"] = Augmentation(**_values(Augmentation, values["augment"], f"{where} [augment]"))
        config = cls(**values)
        if faults := config.faults():
            raise BadConfig(f"{where}: {'; '.join(faults)}")
        return config

    def faults(self) -> list[str]:
        """List the values that are out of range, each with its key."""
        checks = {
            f"backbone must be one of {', '.join(sorted(BACKBONES))}": self.backbone in BACKBONES,
            "labels must be all or the name of a finding": bool(self.labels),
            "side_px must be from 32 to 1024": 32 <= self.side_px <= 1024,
            "epochs, batch_size, accumulate and checkpoint_steps must be at least 1": min(
                self.epochs, self.batch_size, self.accumulate, self.checkpoint_steps
            )
            >= 1,
            "seed, workers, early_stop_epochs and max_minutes must not be negative": min(
                self.seed, self.workers, self.early_stop_epochs, self.max_minutes
            )
            >= 0,
            "lr must be above 0; weight_decay and warmup_epochs must not be negative": self.lr > 0
            and min(self.weight_decay, self.warmup_epochs) >= 0,
            "warmup_epochs must be below epochs": self.warmup_epochs < self.epochs,
            "clip_norm must not be negative": self.clip_norm >= 0,
            "dropout and ema must lie in [0, 1)": 0 <= self.dropout < 1 and 0 <= self.ema < 1,
            f"norms must be one of {', '.join(NORMS)}": self.norms in NORMS,
            "norms = frozen needs a start that has statistics, not random": self.norms != "frozen"
            or self.start != "random",
            f"frozen_stages must be from 0 to {len(STAGES) - 1}": 0 <= self.frozen_stages < len(STAGES),
            "frozen_stages needs an EfficientNet-Lite and a start that has weights, not random": not self.frozen_stages
            or (self.backbone in SCALES and self.start != "random"),
            f"loss must be one of {', '.join(LOSSES)}": self.loss in LOSSES,
            f"precision must be one of {', '.join(PRECISIONS)}": self.precision in PRECISIONS,
            f"scored must be one of {', '.join(SCORED)}": self.scored in SCORED,
            "fold must be -2, -1 or a fold's number": self.fold >= EVERY_FILM,
            "fold = -2 has no films to choose an epoch on: it needs scored = last and early_stop_epochs = 0": self.fold
            != EVERY_FILM
            or (self.scored == "last" and not self.early_stop_epochs),
            "augment.scale, contrast and translate must lie in [0, 1)": all(
                0 <= v < 1 for v in (self.augment.scale, self.augment.contrast, self.augment.translate)
            ),
            "augment.gamma must be at least 1": self.augment.gamma >= 1,
            "augment.rotate_degrees must lie in [0, 45]": 0 <= self.augment.rotate_degrees <= 45,
            "augment.brightness and noise must not be negative": min(self.augment.brightness, self.augment.noise) >= 0,
        }
        return [message for message, holds in checks.items() if not holds]

    def toml(self) -> str:
        """The same config as TOML."""
        flat = asdict(self)
        augment = flat.pop("augment")
        return "\n".join([*_lines(flat), "", "[augment]", *_lines(augment), ""])


def _values(cls: type[Any], table: Any, where: str) -> dict[str, Any]:
    """The arguments of a configuration class, with whole numbers as floats where the class has floats."""
    floats = {field.name for field in fields(cls) if field.type == "float"}
    return {name: float(value) if name in floats else value for name, value in values_of(cls, table, where).items()}


def _lines(table: dict[str, Any]) -> list[str]:
    def shown(value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return repr(value)

    return [f"{name} = {shown(value)}" for name, value in table.items()]
