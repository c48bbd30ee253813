"""Comparison of films that are decoded at a lower resolution with the same films decoded in full size."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alara_train.data.films import Films, Floats, Ints
from alara_train.data.layouts.detect import read
from alara_train.data.layouts.problems import raise_problems
from alara_train.data.layouts.settings import Settings
from alara_train.data.pixels import Film, decode, from_array, halvings, resized
from alara_train.errors import UserError
from alara_train.evaluate.metrics import interval
from alara_train.evaluate.scored import Strings
from alara_train.input_gate.pixel_cache import Uint8s
from alara_train.recipes.frozen.config import FamilyConfig
from alara_train.serve import input_tensor
from alara_train.study.maps import Progress
from alara_train.study.reader import VariantReader
from alara_train.study.rendering import choose, compare
from alara_train.study.stored_values import Stored, Uint16s, render, simulate

HEADER = (
    *("decoding", "rendering", "variant", "halvings", "probability moves", "most", "calls that change, %", "AUROC"),
    "harmless",
)
Arms = tuple[tuple[str, str], ...]
NOISE = 1.5
"""Standard deviation of the noise of one detector pixel, in gray levels of 255."""
MOST_MOVED, MOST_CALLS, MOST_LOST = 0.005, 0.02, 0.005
"""Limits of a harmless decoding: mean change of a probability, share of calls that change, loss of mean AUROC."""
PROGRAMS = ("ojph_compress", "ojph_expand")


class ProgramMissing(UserError):
    """A program that the study needs is not installed."""


def detector(film: Uint8s, long_side_px: int, rng: np.random.Generator) -> Stored:
    """Enlarge a film to the size of a detector, add noise per pixel, and map it to stored values."""
    scale = long_side_px / max(film.shape)
    large = from_array(film).resize(scale, kernel="lanczos3").numpy().astype(np.float64)
    return simulate(np.clip(large + rng.normal(0, NOISE, large.shape), 0, 255), rng)


def box(values: Uint16s, most: int) -> list[Uint16s]:
    """Halve stored values repeatedly: each new value is the rounded mean of a square, as serving computes it."""
    levels = [values]
    for _ in range(most):
        height, width = levels[-1].shape
        # At an odd edge, a line or a column counts twice.
        even = np.pad(levels[-1].astype(np.uint32), ((0, height % 2), (0, width % 2)), mode="edge")
        sums = even[::2, ::2] + even[::2, 1::2] + even[1::2, ::2] + even[1::2, 1::2]
        levels.append(((sums + 2) >> 2).astype(np.uint16))
    return levels


def wavelet(values: Uint16s, top: int, most: int, *options: str) -> list[Uint16s]:
    """Encode stored values with OpenJPH, and decode them in full size and at lower resolutions."""
    with tempfile.TemporaryDirectory() as folder:
        film, stream, back = (Path(folder) / name for name in ("film.pgm", "film.j2c", "back.pgm"))
        height, width = values.shape
        film.write_bytes(f"P5\n{width} {height}\n{top}\n".encode() + values.astype(">u2").tobytes())
        _run("ojph_compress", "-i", film, "-o", stream, *options)
        levels = []
        for n in range(most + 1):
            _run("ojph_expand", "-i", stream, "-o", back, "-skip_res", str(n))
            levels.append(_pgm(back.read_bytes()))
        return levels


def _pgm(data: bytes) -> Uint16s:
    width, height = (int(number) for number in data[:64].split()[1:3])
    samples = np.frombuffer(data[-2 * width * height :], dtype=">u2")
    return samples.reshape(height, width).astype(np.uint16)


def _run(program: str, *arguments: str | Path) -> None:
    subprocess.run([program, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _with(values: list[Uint16s], stored: Stored) -> list[Stored]:
    return [replace(stored, values=level) for level in values]


FORMATS: dict[str, Callable[[Stored, int], list[Stored]]] = {
    "wavelet 5-3 (lossless)": lambda s, most: _with(wavelet(s.values, s.top, most, "-reversible", "true"), s),
    "wavelet 9-7 (lossy)": lambda s, most: _with(wavelet(s.values, s.top, most, "-qstep", "0.001"), s),
    "mean of squares": lambda s, most: _with(box(s.values, most), s),
}
"""Ways to decode: the stored values of a film in full size, halved once, twice, …"""

ARMS = tuple((name, "window") for name in FORMATS)
"""What is compared: the way to decode, and the rendering of the stored values."""


@dataclass(frozen=True, slots=True)
class Case:
    """A variant, and how often the film is halved for it."""

    reader: VariantReader
    halvings: int


def cases(readers: list[VariantReader], long_side_px: int) -> list[Case]:
    """Every variant with one more halving than serving allows, and with as many as serving allows."""
    found = [(reader, halvings(long_side_px, reader.side)) for reader in readers]
    return [Case(reader, n) for reader, most in found for n in (most + 1, most) if n > 0]


def logits(reader: VariantReader, film: Film) -> Floats:
    """The logits [findings] of one variant for one film."""
    [row] = reader.run.run(["logits"], {"film": input_tensor(reader.variant, resized(film, reader.side))})[0]
    return np.asarray(row, dtype=np.float64)


def read_films(
    films: Films, rows: Ints, wanted: list[Case], arms: Arms, long_side_px: int, seed: int, bar: Progress
) -> Floats:
    """Logits [arms, cases, 2, N, findings] of every film: decoded in full size, and halved."""
    most = max(case.halvings for case in wanted)
    found = np.zeros((len(arms), len(wanted), 2, len(rows), len(wanted[0].reader.catalog["findings"])))
    for at in bar(range(len(rows)), "films"):
        film = decode(films.path(int(rows[at]))).numpy()
        stored = detector(film, long_side_px, np.random.default_rng([seed, int(rows[at])]))
        levels = {name: FORMATS[name](stored, most) for name in dict.fromkeys(name for name, _ in arms)}
        for a, (name, rendering) in enumerate(arms):
            rendered = [render(level, rendering) for level in levels[name]]
            whole = {reader: logits(reader, rendered[0]) for reader in dict.fromkeys(case.reader for case in wanted)}
            for c, case in enumerate(wanted):
                found[a, c, :, at] = whole[case.reader], logits(case.reader, rendered[case.halvings])
    return found


def line(reader: VariantReader, found: Floats, labels: Ints, patients: Strings, draws: int, seed: int) -> list[str]:
    """The numbers of one arm and one case, and whether the decoding is harmless."""
    drawn = compare(reader, found, labels, patients, draws, seed)
    most = float(np.abs(np.diff(reader.probabilities(found), axis=0)).max())
    moved, flipped, change = (drawn[key][1] for key in ("moved", "flipped", "change"))
    harmless = moved[0] <= MOST_MOVED and flipped[0] <= MOST_CALLS and interval(change[1:], change[0])[0] >= -MOST_LOST

    def cell(values: Floats, form: str) -> str:
        low, high = interval(values[1:], float(values[0]))
        return f"{values[0]:{form}} [{low:{form}}, {high:{form}}]"

    numbers = [cell(moved, ".4f"), f"{most:.3f}", cell(100 * flipped, ".2f"), cell(change, "+.4f")]
    return [*numbers, "yes" if harmless else "no"]


def run_decoding(
    config: FamilyConfig, data: Path, family: Path, variants: list[str], *,
    long_side_px: int, most: int, bar: Progress, arms: Arms = ARMS,
) -> str:  # fmt: skip
    """Simulate films of a detector, decode them in all ways, and return the comparison as a Markdown table.

    Raises:
        ProgramMissing: OpenJPH is not installed.
        BadData: The films cannot be used as they are.
    """
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        raise ProgramMissing(f"{missing[0]} is not installed: apt-get install openjph-tools")
    reading = read(data, Settings())
    raise_problems(reading.problems, data)
    films = reading.films
    rows = choose(films, most, config.seed)
    wanted = cases([VariantReader(family, config, variant) for variant in variants], long_side_px)
    found = read_films(films, rows, wanted, arms, long_side_px, config.seed, bar)
    labels, patients = films.labels[rows], films.patients[rows]
    lines = [list(HEADER), ["---"] * len(HEADER)]
    for a, (name, rendering) in enumerate(arms):
        for c, case in enumerate(wanted):
            numbers = line(case.reader, found[a, c], labels, patients, config.bootstraps, config.seed)
            lines.append([name, rendering, case.reader.variant["id"], str(case.halvings), *numbers])
    title = f"{len(rows)} films of {len(np.unique(patients))} patients, longer side {long_side_px} px."
    return f"{title}\n\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
