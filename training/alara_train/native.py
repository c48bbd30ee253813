"""How much a reading changes when the original film is sent in place of its 576 px JPEG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from alara_train.pixels import resized
from alara_train.serve import open_variants, read


def native_change(data: Path, family: Path, catalog: dict[str, Any]) -> dict[str, Any] | None:
    """Compare `native/<number>.png` with `films/nih_<number>.jpg`; None where there are no originals.

    Returns:
        Films compared and, by variant, mean and maximum absolute change in probability over films and findings.
    """
    pairs = [
        (path, data / "films" / f"nih_{path.stem}.jpg")
        for path in sorted((data / "native").glob("*.png"))
        if (data / "films" / f"nih_{path.stem}.jpg").is_file()
    ]
    if not pairs:
        return None
    sessions = open_variants(family, catalog)
    variants: dict[str, Any] = {}
    for variant in catalog["variants"]:
        side, run = variant["resolution"], sessions[variant["id"]]
        change = np.abs(
            [
                read(run, variant, catalog["findings"], resized(original, side)).probabilities
                - read(run, variant, catalog["findings"], resized(small, side)).probabilities
                for original, small in pairs
            ]
        )
        variants[variant["id"]] = {
            "meanAbsolute": round(float(change.mean()), 4),
            "maxAbsolute": round(float(change.max()), 4),
        }
    return {"films": len(pairs), "variants": variants}
