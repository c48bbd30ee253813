"""Ways in which a file can be damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def removed(path: Path) -> None:
    path.unlink()


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def one_bit_turned(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) * 2 // 5] ^= 4
    path.write_bytes(content)


def of_another_kind(path: Path) -> None:
    path.write_text("image,patient\n")


def another_array(path: Path) -> None:
    with path.open("wb") as out:
        np.save(out, np.zeros(3))


DAMAGE = (removed, emptied, cut_short, one_bit_turned, of_another_kind, another_array)
