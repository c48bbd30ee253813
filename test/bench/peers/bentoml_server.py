"""BentoML: the film is a file of a multipart form."""

import os
import sys
from pathlib import Path

import bentoml
from reader import DEADLINE_S, PORT, WORKERS, open_reader


@bentoml.service(workers=WORKERS, traffic={"timeout": DEADLINE_S}, http={"port": PORT, "host": "127.0.0.1"})
class Films:
    """One reader per worker."""

    def __init__(self) -> None:
        """Load the model."""
        self.reader = open_reader()

    @bentoml.api(route="/read")
    def read(self, film: Path) -> dict:
        """Read a film."""
        return self.reader(film.read_bytes())


if __name__ == "__main__":
    os.execv(sys.executable, [sys.executable, "-m", "bentoml", "serve", "bentoml_server:Films"])
