"""A pool of processes that resize films in parallel."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from alara_train.data.films import BadData
from alara_train.data.prepare.progress_log import Outcome

AHEAD = 8
"""Films in the queue of a process, so that the process does not wait while the progress log is written."""

Task = tuple[int, Path]


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes]
    waiting: deque[Task] = field(default_factory=deque)
    unread: bytes = b""

    def give(self, task: Task) -> None:
        assert self.process.stdin is not None
        self.waiting.append(task)
        self.process.stdin.write(json.dumps({"row": task[0], "path": str(task[1])}).encode() + b"\n")
        self.process.stdin.flush()

    def answers(self) -> Iterator[Outcome]:
        assert self.process.stdout is not None
        chunk = os.read(self.process.stdout.fileno(), 1 << 16)
        if not chunk:
            raise self.died()
        *lines, self.unread = (self.unread + chunk).split(b"\n")
        for line in lines:
            self.waiting.popleft()
            record = json.loads(line)
            if "errno" in record:
                raise OSError(record["errno"], record["strerror"])
            yield Outcome(**record)

    def died(self) -> BadData:
        status = self.process.wait()
        how = (
            f"by signal {-status} (signal 9 often means that the machine is short of memory)"
            if status < 0
            else f"with {status}"
        )
        film = f" at {self.waiting[0][1]}" if self.waiting else ""
        return BadData(
            f"a resizing process ended {how}{film}; finished films are kept: run the same command, with fewer --jobs"
        )


def outcomes(tasks: Iterable[Task], out: Path, sides_px: Sequence[int], jobs: int) -> Generator[Outcome, None, None]:
    """Resize films in `jobs` processes, and yield the outcomes in the order in which they finish.

    Raises:
        BadData: A process died.
        OSError: Pixels could not be written.
    """
    rest = iter(tasks)
    with ExitStack() as stack:
        poll = stack.enter_context(selectors.DefaultSelector())
        for _ in range(jobs):
            worker = stack.enter_context(_started(out, sides_px))
            assert worker.process.stdout is not None
            poll.register(worker.process.stdout, selectors.EVENT_READ, worker)
        for _ in range(AHEAD):
            for key in list(poll.get_map().values()):
                _feed(key.data, rest)
        while any(key.data.waiting for key in poll.get_map().values()):
            for key, _ in poll.select():
                for outcome in key.data.answers():
                    _feed(key.data, rest)
                    yield outcome


def _feed(worker: _Worker, rest: Iterator[Task]) -> None:
    task = next(rest, None)
    if task is not None:
        try:
            worker.give(task)
        except BrokenPipeError:
            raise worker.died() from None


@contextmanager
def _started(out: Path, sides_px: Sequence[int]) -> Iterator[_Worker]:
    package = str(Path(__file__).parents[3])
    paths = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH", ""))))
    process = subprocess.Popen(
        [sys.executable, "-m", "alara_train.data.prepare.resize_process", str(out), *map(str, sides_px)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths, "VIPS_CONCURRENCY": "1", "VIPS_WARNING": "0"},
    )
    try:
        yield _Worker(process)
    finally:
        process.kill()  # A film that is half written is not in the progress log.
        process.communicate()
