"""A stack, `pixels-<side>.npy`: all films at one side, uint8 [N, side, side]. Films are written in any order."""

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
"""Length of the header of a stack, and offset of the first film. The length does not depend on N."""


def stack_path(folder: Path, side_px: int) -> Path:
    """The path of the stack of one side."""
    return folder / f"pixels-{side_px}.npy"


def stack_bytes(films: int, side_px: int) -> int:
    """Size of a stack of `films` films in bytes."""
    return HEADER_BYTES + films * side_px**2


def film_offset(row: int, side_px: int) -> int:
    """Offset of film `row` in the stack in bytes."""
    return stack_bytes(row, side_px)


def header(films: int, side_px: int) -> bytes:
    """Return the header of a stack of `films` films."""
    out = io.BytesIO()
    npy.write_array_header_1_0(out, {"descr": "|u1", "fortran_order": False, "shape": (films, side_px, side_px)})
    if len(out.getvalue()) != HEADER_BYTES:
        raise AssertionError(f"numpy wrote a header of {len(out.getvalue())} bytes")
    return out.getvalue()


def to_8_bits(film: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """Reduce a resized film to 8 bits: round(v / 257), which maps 0 to 0 and 65535 to 255.

    Serving does not reduce films to 8 bits. The network divides pixels by their maximum, so its input differs from that
    of serving by at most half of 1/255.
    """
    if film.dtype == np.uint16:
        return ((film.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return film.astype(np.uint8, copy=False)


def write_header(folder: Path, films: int, side_px: int) -> None:
    """Write the header without changing the films."""
    with _open_stack(folder, side_px) as file:
        os.pwrite(file, header(films, side_px), 0)


def write_film(file: int, row: int, film: npt.NDArray[np.uint8]) -> None:
    """Write one film [side, side] at its offset.

    Raises:
        OSError: The disk is full, or a quota is reached.
    """
    rest, offset = film.tobytes(), film_offset(row, film.shape[0])
    while rest:
        done = os.pwrite(file, rest, offset)
        rest, offset = rest[done:], offset + done


def source_rows(kept: Bools) -> Ints:
    """The old row of the film in each row of the compacted stack: [K].

    The last kept films fill the rows of discarded films; the other films keep their rows. So few films are copied.
    """
    count = int(kept.sum())
    order = np.arange(count)
    order[~kept[:count]] = count + np.flatnonzero(kept[count:])
    return order


def compact(folder: Path, kept: Bools, side_px: int) -> None:
    """Copy the last kept films into the rows of discarded films, and write the number of kept films to the header.

    The copied films also stay at the end until `truncate`, so the copy can be repeated if the process is killed.
    """
    order = source_rows(kept)
    with _open_stack(folder, side_px) as file:
        for row in np.flatnonzero(order != np.arange(len(order))).tolist():
            film = np.frombuffer(os.pread(file, side_px**2, film_offset(int(order[row]), side_px)), np.uint8)
            write_film(file, row, film.reshape(side_px, side_px))
        os.pwrite(file, header(len(order), side_px), 0)
        os.fsync(file)


def truncate(folder: Path, films: int, side_px: int) -> None:
    """Truncate the stack after the kept films."""
    if stack_path(folder, side_px).stat().st_size > stack_bytes(films, side_px):
        os.truncate(stack_path(folder, side_px), stack_bytes(films, side_px))


def flush(folder: Path, sides_px: Sequence[int]) -> None:
    """Flush the stacks to the disk, including the writes of other processes."""
    for side in sides_px:
        with _open_stack(folder, side) as file:
            os.fsync(file)


@contextmanager
def _open_stack(folder: Path, side_px: int) -> Iterator[int]:
    file = os.open(stack_path(folder, side_px), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield file
    finally:
        os.close(file)
