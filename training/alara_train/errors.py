"""Errors that a user can correct, as opposed to faults of this package."""

from __future__ import annotations

import errno

AGAIN = "free some room and run the same command again"


class UserError(ValueError):
    """One sentence says what is wrong and what to do; the command line prints it without a traceback."""


def describe_os_error(error: OSError) -> str:
    """Describe an error of the operating system, with its file."""
    place = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{place}the disk is full: {AGAIN}"
    if error.errno == errno.ENOENT:
        return f"{place}this file or folder does not exist"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{place}this account may not read or write here"
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"{place}there is a file where a folder is needed: name another place, or move the file"
    if error.errno == errno.EISDIR:
        return f"{place}this is a folder, and a file is needed"
    if error.errno == errno.ENAMETOOLONG:
        return f"{str(error.filename)[:60]}...: this name is too long for a file"
    return f"{place}{error.strerror or error}"
