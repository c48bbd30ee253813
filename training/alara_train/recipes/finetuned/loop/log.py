"""The log of a run: `log.jsonl`, TensorBoard, and a bar with loss, images/s and remaining time."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

Record = dict[str, Any]


class RunLog:
    """The open log of the leading process."""

    def __init__(self, log: Path, step: int, log_bytes: int, steps: int, films_a_step: int, quiet: bool) -> None:
        """Continue at `step` of `steps`; lines after `log_bytes` come from a start that was killed, and are removed."""
        log.touch()
        os.truncate(log, min(log_bytes, log.stat().st_size))
        self.log = log.open("ab")
        self.board = SummaryWriter(str(log.parent), purge_step=step)
        self.bar = tqdm(total=steps, initial=step, unit="step", dynamic_ncols=True, disable=quiet, desc=log.parent.name)
        self.films_a_step = films_a_step

    def step(self, records: list[Record], seconds: float) -> None:
        """Log steps of `step`, `epoch`, `loss` and `lr`, which took `seconds` in total."""
        speed = len(records) * self.films_a_step / max(seconds, 1e-9)
        for record in records:
            self._line({**record, "imagesPerSecond": round(speed, 1)})
            for name in ("loss", "lr"):
                self.board.add_scalar(name, record[name], record["step"])
        if records:
            self.board.add_scalar("images/s", speed, records[-1]["step"])
            self.bar.set_postfix(loss=f"{records[-1]['loss']:.4f}", images_s=f"{speed:.0f}", refresh=False)
            self.bar.update(len(records))

    def epoch(self, record: Record) -> None:
        """Log an epoch: `step`, `epoch`, `meanAuroc` and `auroc` per finding, on validation."""
        self._line(record)
        self.board.add_scalar("validation/mean", record["meanAuroc"], record["step"])
        for finding, value in record["auroc"].items():
            self.board.add_scalar(f"validation/{finding}", value, record["step"])
        if not self.bar.disable:
            self.bar.write(f"epoch {record['epoch']}: mean AUROC {record['meanAuroc']:.4f} on validation")

    @property
    def bytes(self) -> int:
        """Length of the log so far."""
        return self.log.tell()

    def close(self) -> None:
        """Close all three."""
        self.log.close()
        self.board.close()
        self.bar.close()

    def _line(self, record: Record) -> None:
        self.log.write((json.dumps(record, ensure_ascii=False) + "\n").encode())
        self.log.flush()
