"""A process that resizes films: it reads one line of JSON per film, and answers with one line, until its input ends.

    python -m alara_train.data.prepare.resize_process OUT 256 320

`multiprocessing` is not used: this process shares no threads with PyTorch, and its input ends when its parent is
killed, so it never outlives its parent.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pyvips

from alara_train.data.pixels import UnreadableFilm, contain, decode
from alara_train.data.prepare.progress_log import Outcome
from alara_train.data.prepare.stacks import stack_path, to_8_bits, write_film

SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
"""PNG and JPEG: the formats that serving reads, besides DICOM."""


def cache_film(source: Path, row: int, stacks: Mapping[int, int]) -> Outcome:
    """Decode a film once and write it at every side; `stacks` are open files by side in px.

    Raises:
        OSError: The pixels could not be written.
    """
    try:
        with source.open("rb") as file:
            stat = os.fstat(file.fileno())
            data = file.read()
    except OSError as error:
        return Outcome(row=row, broken=error.strerror or str(error))
    sha256 = hashlib.sha256(data).hexdigest()
    broken = ""
    try:
        if not data.startswith(SIGNATURES):
            raise UnreadableFilm("empty file" if not data else "neither PNG nor JPEG")
        image = decode(data)
        sides = {side: to_8_bits(contain(image, side).numpy()) for side in stacks}
    except (UnreadableFilm, pyvips.Error) as error:
        broken = " ".join(str(error).split())[:200]
    else:
        for side, film in sides.items():
            write_film(stacks[side], row, film)
    return Outcome(row=row, sha256=sha256, bytes=stat.st_size, mtime_ns=stat.st_mtime_ns, broken=broken)


def main() -> None:
    """Answer every line of the input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent process.
    pyvips.cache_set_max(0)  # No operation is repeated, so a cache is useless.
    out, sides = Path(sys.argv[1]), [int(word) for word in sys.argv[2:]]
    stacks = {side: os.open(stack_path(out, side), os.O_RDWR) for side in sides}
    for line in sys.stdin:
        task = json.loads(line)
        try:
            answer = asdict(cache_film(Path(task["path"]), task["row"], stacks))
        except OSError as error:
            answer = {"errno": error.errno, "strerror": error.strerror}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
