"""`pixels-<side>.npy`: all films at one side, uint8 [N, side, side], written a film at a time in any order."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from alara_train.data.films import Bools, Ints

HEADER_BYTES = 128
"""Length of the header that numpy writes for such an array, whatever N: the first film begins here."""


def stack_path(folder: Path, side_px: int) -> Path:
    """Where the films of one side lie."""
    return folder / f"pixels-{side_px}.npy"


def stack_bytes(films: int, side_px: int) -> int:
    """Size of the file of `films` films."""
    return HEADER_BYTES + films * side_px**2


def offset(row: int, side_px: int) -> int:
    """Where film `row` begins."""
    return stack_bytes(row, side_px)


def header(films: int, side_px: int) -> bytes:
    """Give the header of a file of `films` films."""
    out = io.BytesIO()
    npy.write_array_header_1_0(out, {"descr": "|u1", "fortran_order": False, "shape": (films, side_px, side_px)})
    if len(out.getvalue()) != HEADER_BYTES:
        raise AssertionError(f"numpy wrote a header of {len(out.getvalue())} bytes")
    return out.getvalue()


def eight_bits(film: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """Reduce a resized film to 8 bits: round(v / 257), which takes 0 to 0 and 65535 to 255.

    The network scales pixels by their depth, so its input moves by at most half of 1/255; serving keeps 16 bits.
    """
    if film.dtype == np.uint16:
        return ((film.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return film.astype(np.uint8, copy=False)


def begin(folder: Path, films: int, side_px: int) -> None:
    """Write the header, leaving films that are there."""
    with _opened(folder, side_px) as file:
        os.pwrite(file, header(films, side_px), 0)


def write_film(file: int, row: int, film: npt.NDArray[np.uint8]) -> None:
    """Write one film [side, side] in its place.

    Raises:
        OSError: The disk is full, or a quota is reached.
    """
    rest, at = film.tobytes(), offset(row, film.shape[0])
    while rest:
        done = os.pwrite(file, rest, at)
        rest, at = rest[done:], at + done


def closed_up(kept: Bools) -> Ints:
    """Which row ends where when the last kept films move into the gaps: [K] of old rows.

    Few rows move, however many films there are; without gaps this is 0 to N - 1.
    """
    count = int(kept.sum())
    order = np.arange(count)
    order[~kept[:count]] = count + np.flatnonzero(kept[count:])
    return order


def close_up(folder: Path, kept: Bools, side_px: int) -> None:
    """Copy the last kept films into the gaps and say in the header how many films are kept.

    What was copied stays at the end until `cut`, so that this can be done again after a kill.
    """
    order = closed_up(kept)
    with _opened(folder, side_px) as file:
        for row in np.flatnonzero(order != np.arange(len(order))).tolist():
            film = np.frombuffer(os.pread(file, side_px**2, offset(int(order[row]), side_px)), np.uint8)
            write_film(file, row, film.reshape(side_px, side_px))
        os.pwrite(file, header(len(order), side_px), 0)
        os.fsync(file)


def cut(folder: Path, films: int, side_px: int) -> None:
    """Cut off what lies behind the films that are kept."""
    if stack_path(folder, side_px).stat().st_size > stack_bytes(films, side_px):
        os.truncate(stack_path(folder, side_px), stack_bytes(films, side_px))


def settle(folder: Path, sides_px: Sequence[int]) -> None:
    """Return when all that was written to the stacks, by whatever process, is on the disk."""
    for side in sides_px:
        with _opened(folder, side) as file:
            os.fsync(file)


@contextmanager
def _opened(folder: Path, side_px: int) -> Iterator[int]:
    file = os.open(stack_path(folder, side_px), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield file
    finally:
        os.close(file)
