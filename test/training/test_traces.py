"""The package writes no file outside the folders that its user names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EVERYTHING = """
import importlib, json, pkgutil, sys
from pathlib import Path
import alara_train
for module in pkgutil.walk_packages(alara_train.__path__, "alara_train."):
    importlib.import_module(module.name)
import numpy as np
from alara_train.serve import open_variants
from matplotlib.figure import Figure
from torch.utils.tensorboard import SummaryWriter
family, out = Path(sys.argv[1]), Path(sys.argv[2])
catalog = json.loads((family / "catalog.json").read_text())
catalog["variants"] = catalog["variants"][:1]
for variant, session in open_variants(family, catalog).items():
    session.run(None, {"film": np.zeros((1, 1, 256, 256), dtype=np.float32)})
figure = Figure()
figure.gca().set_title("text needs the font list")
figure.savefig(out / "figure.svg")
writer = SummaryWriter(str(out))
writer.add_scalar("loss", 1.0, 1)
writer.close()
"""


def test_inference_figures_and_logs_leave_home_and_temporary_folder_empty(family: Path, tmp_path: Path) -> None:
    home, temporary, out = tmp_path / "home", tmp_path / "tmp", tmp_path / "out"
    for folder in (home, temporary, out):
        folder.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    environment = {**kept, "HOME": str(home), "TMPDIR": str(temporary)}
    command = [sys.executable, "-B", "-c", EVERYTHING, str(family), str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert (out / "figure.svg").is_file()
    assert [str(p) for folder in (home, temporary) for p in folder.rglob("*")] == []
