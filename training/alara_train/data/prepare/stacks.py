"""`pixels-<side>.npy`: all films at one side, uint8 [N, side, side], written film by film in any order."""

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
    """The file of one side."""
    return folder / f"pixels-{side_px}.npy"


def stack_bytes(films: int, side_px: int) -> int:
    """Size of the file of `films` films."""
    return HEADER_BYTES + films * side_px**2


def offset(row: int, side_px: int) -> int:
    """The offset of film `row`."""
    return stack_bytes(row, side_px)


def header(films: int, side_px: int) -> bytes:
    """Return the header of a file of `films` films."""
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


def write_header(folder: Path, films: int, side_px: int) -> None:
    """Write the header, and leave the films as they are."""
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


def compacted_rows(kept: Bools) -> Ints:
    """The old row of each kept film after the last kept films have moved into the gaps: [K].

    Only as many rows move as there are gaps. Without gaps the result is 0 to N - 1.
    """
    count = int(kept.sum())
    order = np.arange(count)
    order[~kept[:count]] = count + np.flatnonzero(kept[count:])
    return order


def compact(folder: Path, kept: Bools, side_px: int) -> None:
    """Copy the last kept films into the gaps, and write the number of kept films to the header.

    The copied films also stay at the end until `cut`, so that the copy can be repeated after a kill.
    """
    order = compacted_rows(kept)
    with _opened(folder, side_px) as file:
        for row in np.flatnonzero(order != np.arange(len(order))).tolist():
            film = np.frombuffer(os.pread(file, side_px**2, offset(int(order[row]), side_px)), np.uint8)
            write_film(file, row, film.reshape(side_px, side_px))
        os.pwrite(file, header(len(order), side_px), 0)
        os.fsync(file)


def truncate(folder: Path, films: int, side_px: int) -> None:
    """Truncate the file after the kept films."""
    if stack_path(folder, side_px).stat().st_size > stack_bytes(films, side_px):
        os.truncate(stack_path(folder, side_px), stack_bytes(films, side_px))


def flush(folder: Path, sides_px: Sequence[int]) -> None:
    """Flush to the disk everything that any process has written to the stacks."""
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
