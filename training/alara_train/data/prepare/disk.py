"""Disk space, and a lock for one writer per folder."""

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
"""Upper estimate of one line of the progress log and one line of films.csv."""


def needed_bytes(films: int, sides_px: Sequence[int]) -> int:
    """Size of a prepared folder."""
    return films * JOURNAL_BYTES + sum(stack_bytes(films, side) for side in sides_px)


def check_room(out: Path, films: int, sides_px: Sequence[int]) -> None:
    """Make sure that the disk has space for the pixels that are still to be written.

    Raises:
        BadData: The disk is too full; the message gives both numbers.
    """
    stacks = [stack_path(out, side) for side in sides_px if stack_path(out, side).is_file()]
    written = sum(path.stat().st_blocks * 512 for path in stacks)
    needed = max(0, needed_bytes(films, sides_px) - written)
    free = shutil.disk_usage(out).free
    if needed > free:
        raise BadData(
            f"{out} has {size(free)} free, and {films} films at {', '.join(map(str, sides_px))} px still need "
            f"{size(needed)}: free {size(needed - free)}, or take fewer --sides"
        )


@contextmanager
def full_disk_error(out: Path, films: int, sides_px: Sequence[int]) -> Iterator[None]:
    """Report a disk that fills up while pixels are written.

    Raises:
        BadData: The disk is full; the message gives the space that is needed in all.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise BadData(
            f"{out}: {error.strerror or 'no space'}. {films} films at {', '.join(map(str, sides_px))} px take "
            f"{size(needed_bytes(films, sides_px))} in all. Finished films are kept: free some space, then run the "
            "same command again"
        ) from error


def size(count: int) -> str:
    """Bytes in decimal units."""
    amount, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"


@contextmanager
def lock(folder: Path) -> Iterator[int]:
    """Lock a folder; yields the file descriptor of the lock.

    The system releases the lock when this process and those that inherited the descriptor have ended.

    Raises:
        BadData: Another process has locked it.
    """
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadData(f"another alara-train is writing to {folder}: wait for it, or end it") from None
        yield file.fileno()
