"""One frozen value a run, from one TOML file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

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
    """What a training film may look like on another day. There is no vertical flip, on purpose."""

    rotate_degrees: float
    """Largest turn, either way."""
    scale: float
    """Largest enlargement or reduction, as a share."""
    translate: float
    """Largest shift along each axis, as a share of the side."""
    brightness: float
    """Largest shift of the gray value, which lies in [0, 1]."""
    contrast: float
    """Largest change of contrast about mid-gray, as a share."""
    gamma: float
    """Largest exponent, and by its inverse the smallest: 1 leaves the film."""
    noise: float
    """Largest standard deviation of white noise, gray value in [0, 1]."""
    horizontal_flip: bool
    """Mirror half of the films. It makes situs inversus of normal anatomy: off unless there is a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """Everything that can change a result. Nothing else may; a key without a default is required."""

    backbone: str
    """A key of `networks.registry.BACKBONES`."""
    start: str
    """`random`, `imagenet`, `imagenet:<path>` or `checkpoint:<path>`."""
    labels: str
    """`all` for one network with an output per finding, or one finding: the paper's binary network."""
    side_px: int
    """32 to 1024."""
    seed: int
    epochs: int
    batch_size: int
    """Films a forward pass, over all processes together, so that their number does not change the result."""
    accumulate: int
    """Forward passes a step of the optimiser."""
    lr: float
    """Highest learning rate, of AdamW."""
    weight_decay: float
    """On convolutions and the read-out; norms and biases have none."""
    warmup_epochs: float
    """The rate rises in a straight line this long, then falls to zero by a half cosine."""
    dropout: float
    """Share of the last map's channels left out in training."""
    ema: float
    """Decay a step of the averaged weights that are scored; 0 scores the weights themselves."""
    norms: str
    """`batch`, or `frozen`: batch normalisation keeps the statistics it started from."""
    loss: str
    """`bce`, `weighted` (classes balanced a finding) or `asymmetric` (Ridnik 2021)."""
    precision: str
    """`off`, `bf16` or `fp16`: what convolutions compute in."""
    channels_last: bool
    workers: int
    """Processes that read films, a training process; 0 reads in it."""
    early_stop_epochs: int
    """Stop once the mean AUROC on validation has not risen for so many epochs; 0 never does."""
    scored: str
    """`best`: the epoch of highest validation AUROC, which flatters scores of those very films. `last`: the last."""
    fold: int
    """Validate on this fold and train on the others; -1: the data set's own train and val."""
    max_minutes: float
    """End training once it took so long; 0 is no limit. The only key that makes a result depend on the machine."""
    checkpoint_steps: int
    """Write `last.pt` every so many steps, and after every epoch."""
    augment: Augmentation
    clip_norm: float = 0.0
    """Largest norm of the gradient of a step; a larger gradient is scaled down to it. 0 leaves gradients as they are,
    which is what a config of a run without this key means: a run that is resumed keeps its weights bit for bit."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a TOML file.

        Raises:
            BadConfig: The file is not TOML, a key is missing or unknown, or a value makes no sense.
        """
        return cls.parse(read_toml(path), str(path))

    @classmethod
    def parse(cls, table: dict[str, Any], where: str) -> Self:
        """Make a config of a TOML table; `where` it came from is for messages.

        Raises:
            BadConfig: A key is missing or unknown, or a value makes no sense.
        """
        values = _values(cls, table, where)
        values["augment"] = Augmentation(**_values(Augmentation, values["augment"], f"{where} [augment]"))
        config = cls(**values)
        if faults := config.faults():
            raise BadConfig(f"{where}: {'; '.join(faults)}")
        return config

    def faults(self) -> list[str]:
        """Say what is out of range, each with its key."""
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
            "lr must be above 0, weight_decay and warmup_epochs not below": self.lr > 0
            and min(self.weight_decay, self.warmup_epochs) >= 0,
            "warmup_epochs must be below epochs": self.warmup_epochs < self.epochs,
            "clip_norm must not be negative": self.clip_norm >= 0,
            "dropout and ema must lie in [0, 1)": 0 <= self.dropout < 1 and 0 <= self.ema < 1,
            f"norms must be one of {', '.join(NORMS)}": self.norms in NORMS,
            "norms = frozen needs a start that has statistics, not random": self.norms != "frozen"
            or self.start != "random",
            f"loss must be one of {', '.join(LOSSES)}": self.loss in LOSSES,
            f"precision must be one of {', '.join(PRECISIONS)}": self.precision in PRECISIONS,
            f"scored must be one of {', '.join(SCORED)}": self.scored in SCORED,
            "fold must be -1 or a fold's number": self.fold >= NO_FOLD,
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
