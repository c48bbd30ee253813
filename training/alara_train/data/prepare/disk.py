"""Room on the disk, and one writer at a time."""

from __future__ import annotations

import errno
import fcntl
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from alara_train.data.films import BadData
from alara_train.data.prepare.stacks import stack_bytes, stack_path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
JOURNAL_BYTES = 200
"""A line of the journal and one of films.csv, generously."""


def needed_bytes(films: int, sides_px: Sequence[int]) -> int:
    """What a prepared folder takes."""
    return films * JOURNAL_BYTES + sum(stack_bytes(films, side) for side in sides_px)


def check_room(out: Path, films: int, sides_px: Sequence[int]) -> None:
    """Make sure that what is still to be written has room.

    Raises:
        BadData: It has not; the message gives both numbers.
    """
    there = [stack_path(out, side) for side in sides_px if stack_path(out, side).is_file()]
    written = sum(path.stat().st_blocks * 512 for path in there)
    needed = max(0, needed_bytes(films, sides_px) - written)
    free = shutil.disk_usage(out).free
    if needed > free:
        raise BadData(
            f"{out} has {size(free)} free, and {films} films at {', '.join(map(str, sides_px))} px still need "
            f"{size(needed)}: free {size(needed - free)}, or take fewer --sides"
        )


@contextmanager
def room(out: Path, films: int, sides_px: Sequence[int]) -> Iterator[None]:
    """Say it plainly where the disk fills up nevertheless.

    Raises:
        BadData: It does; the message says how much it takes in all.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise BadData(
            f"{out}: {error.strerror or 'no room'}. {films} films at {', '.join(map(str, sides_px))} px take "
            f"{size(needed_bytes(films, sides_px))} in all. What is done is kept: make room, then run the same "
            "command again"
        ) from error


def size(count: int) -> str:
    """Bytes in the unit that disks are sold in."""
    amount, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; the system lets go of it when the process ends, however it ends.

    Raises:
        BadData: Another process holds it.
    """
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadData(f"another alara-train is writing to {folder}: wait for it, or end it") from None
        yield
