"""What a user can correct, as opposed to a fault of this package."""

from __future__ import annotations

import errno

AGAIN = "free some room and run the same command again"


class UserError(ValueError):
    """The message says in one sentence what is wrong and what to do; the command line prints it without a traceback."""


def sentence(error: OSError) -> str:
    """Say what the operating system refused, and for which file."""
    place = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{place}the disk is full: {AGAIN}"
    if error.errno == errno.ENOENT:
        return f"{place}this file or folder does not exist"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{place}this account may not read or write here"
    return f"{place}{error.strerror or error}"
