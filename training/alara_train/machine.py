"""The code and the processor that made a result."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from pathlib import Path


def code_revision() -> str:
    """The commit of this package's sources, if git knows it, and a digest of the sources themselves."""
    here = Path(__file__).parent
    total = hashlib.sha256()
    for path in sorted(here.rglob("*.py")):
        total.update(str(path.relative_to(here)).encode() + path.read_bytes())
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = "no-git"
    return f"{commit}+sources-{total.hexdigest()[:16]}"


def cpu_info() -> str:
    """The text of `/proc/cpuinfo`; empty on other systems."""
    info = Path("/proc/cpuinfo")
    return info.read_text() if info.is_file() else ""


def processor() -> str:
    """The processor's name."""
    names = [line.split(":", 1)[1].strip() for line in cpu_info().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
