"""Golden films: what Python makes of them, for the TypeScript side to be compared with."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from alara_train.data.pixels import resized
from alara_train.report.catalog import read_family
from alara_train.serve import input_tensor, open_variants, read

FULL_SIDE_PX = 256
TENSOR_VALUES = 16


def golden_films(films: Path) -> list[Path]:
    """PNG and JPEG films of a folder, by name."""
    return sorted(p for p in films.iterdir() if p.suffix in (".png", ".jpg"))


def golden(family: Path, films: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Describe every film at every size and by every variant.

    Returns:
        The document, and raw pixels by file name (little-endian, row by row, gzip) of the smallest size.
    """
    [catalog] = read_family(family, "catalog")
    sessions = open_variants(family, catalog)
    blobs: dict[str, bytes] = {}
    entries: list[dict[str, Any]] = []
    for path in golden_films(films):
        sizes: dict[str, Any] = {}
        reads: dict[str, Any] = {}
        for side in sorted({v["resolution"] for v in catalog["variants"]}):
            pixels = resized(path, side)
            raw = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
            variant = next(v for v in catalog["variants"] if v["resolution"] == side)
            middle = input_tensor(variant, pixels)[0, 0, side // 2]
            sizes[str(side)] = {
                "sha256": hashlib.sha256(raw).hexdigest(),
                "depth": "ushort" if pixels.dtype == np.uint16 else "uchar",
                "min": int(pixels.min()),
                "max": int(pixels.max()),
                "mean": round(float(pixels.mean()), 6),
                "tensorMiddleRow": [float(v) for v in middle[:TENSOR_VALUES]],
            }
            if side == FULL_SIDE_PX:
                name = f"{path.name}.{side}.raw.gz"
                blobs[name] = gzip.compress(raw, mtime=0)
                sizes[str(side)]["pixels"] = name
            for v in catalog["variants"]:
                if v["resolution"] == side:
                    result = read(sessions[v["id"]], v, catalog["findings"], pixels)
                    reads[v["id"]] = {
                        "probabilities": {
                            f: round(float(p), 7)
                            for f, p in zip(catalog["findings"], result.probabilities, strict=True)
                        },
                        "gate": [round(float(g), 5) for g in result.gate],
                    }
        entries.append({"film": path.name, "sizes": sizes, "variants": reads})
    digests = {v["id"]: v["sha256"] for v in catalog["variants"]}
    return {"family": catalog["family"], "models": digests, "films": entries}, blobs


def write_golden(family: Path, films: Path, out: Path) -> int:
    """Write `golden.json` and its pixels; returns how many films there are."""
    document, blobs = golden(family, films)
    pixels = out / "pixels"
    pixels.mkdir(parents=True, exist_ok=True)
    for old in pixels.glob("*.raw.gz"):
        old.unlink()
    for name, blob in blobs.items():
        (pixels / name).write_bytes(blob)
    (out / "golden.json").write_text(json.dumps(document, indent=1) + "\n")
    return len(document["films"])
