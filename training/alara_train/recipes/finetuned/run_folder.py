"""The folder of a run: it is resumed only with the same config and data, and never overwritten."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alara_train.atomic_file import write_atomic
from alara_train.data.films import BadData
from alara_train.digest import sha256
from alara_train.json_file import read_json
from alara_train.recipes.finetuned.config import TrainConfig
from alara_train.toml_file import BadConfig

_FIRST = ("provenance.json", ".provenance.json.partial", ".config.toml.partial")
"""The files of a run that was killed before its config was written."""


def start_digest(config: TrainConfig) -> str | None:
    """SHA-256 of the checkpoint from which a run of this config starts; None without one, or if it is not there."""
    kind, _, place = config.start.partition(":")
    return sha256(Path(place)) if kind == "checkpoint" and Path(place).is_file() else None


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of a run.

    `config.toml`, `provenance.json`, `log.jsonl`, `events.*` (TensorBoard), `last.pt` (the checkpoint), `best.pt`
    (the weights that are scored), `scores.npz`, and at the end `done.json`.
    """

    path: Path

    @property
    def last(self) -> Path:
        """The checkpoint from which the run continues."""
        return self.path / "last.pt"

    @property
    def best(self) -> Path:
        """Averaged weights that are scored."""
        return self.path / "best.pt"

    @property
    def scores(self) -> Path:
        """Logits of the validation and test films."""
        return self.path / "scores.npz"

    @property
    def log(self) -> Path:
        """One line per step, and one line per epoch."""
        return self.path / "log.jsonl"

    @property
    def done(self) -> dict[str, Any] | None:
        """The result of a finished run; None if the run is not finished."""
        path = self.path / "done.json"
        return None if not path.is_file() else read_json(path)

    def claim(self, config: TrainConfig, data: dict[str, Any]) -> None:
        """Make the folder for a config and its data, or make sure that it was made for them.

        Raises:
            BadConfig: The folder holds other files, or a run of another config.
            BadData: It holds a run of the same config on other films, labels or roles, or from other weights.
        """
        start = start_digest(config)
        held = self.path / "config.toml"
        if not held.is_file():
            if self.path.exists() and any(p.name not in _FIRST for p in self.path.iterdir()):
                raise BadConfig(f"{self.path} holds files, but not a run: name a new folder")
            self.path.mkdir(parents=True, exist_ok=True)
            self.write("provenance.json", {"data": data, "start": start, "sittings": []})
            write_atomic(held, config.toml().encode())
            return
        other = TrainConfig.load(held)
        if other != config:
            keys = [name for name in TrainConfig.__dataclass_fields__ if getattr(other, name) != getattr(config, name)]
            raise BadConfig(
                f"{self.path} is a run of another config (it differs in {', '.join(keys)}): a run is never "
                "overwritten, so name a new folder, or delete this one"
            )
        # A checkpoint may be deleted once the runs that start from it are finished.
        if start and self.provenance.get("start") not in (None, start):
            raise BadData(f"{self.path} was begun from other weights than {config.start} holds now: delete the folder")
        before = self.provenance["data"]
        if changed := [name for name in data if before.get(name) != data[name]]:
            raise BadData(
                f"{self.path} was begun on other data (its {', '.join(changed)} differ): name a new folder, or give it "
                "the data it was begun on"
            )

    @property
    def provenance(self) -> dict[str, Any]:
        """The content of `provenance.json`."""
        return read_json(self.path / "provenance.json")

    def add_start(self, record: dict[str, Any]) -> list[str]:
        """Record a start of the run; returns the code revisions of all starts, in order, each once."""
        table = self.provenance
        table["sittings"].append(record)
        self.write("provenance.json", table)
        return list(dict.fromkeys(str(s["codeRevision"]) for s in table["sittings"]))

    def write(self, name: str, table: dict[str, Any]) -> None:
        """Write a JSON file."""
        text = json.dumps(table, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
        write_atomic(self.path / name, text.encode())
