"""Train, measure and export a family of chest-radiograph variants for Alara."""

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path

# ONNX Runtime reads this variable when its library loads. Unless the value is 1, the library resolves a host of its
# vendor, and stores a device id and a database under the home directory. Any other value is therefore replaced.
# os.environ calls putenv, so native code sees the value.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# matplotlib stores a font list under the home directory. Store it in a temporary folder instead: child processes
# inherit the folder, and the process that named the folder removes it.
MATPLOTLIB = ""
"""The folder that this process named; empty if the environment names one."""
if not os.environ.get("MPLCONFIGDIR"):
    MATPLOTLIB = str(Path(tempfile.gettempdir()) / f"alara-matplotlib-{secrets.token_hex(8)}")
    os.environ["MPLCONFIGDIR"] = MATPLOTLIB
    atexit.register(shutil.rmtree, MATPLOTLIB, ignore_errors=True)
