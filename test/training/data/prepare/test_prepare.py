"""Prepare: pixels, restarts, full disks and broken films, on synthetic folders."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import pyvips
from test_layouts import edit, write_film, write_nih, write_own, write_table
from typer.testing import CliRunner

from alara_train.cli.main import app
from alara_train.data.films import BadData
from alara_train.data.pixels import resized
from alara_train.data.prepare import prepare as preparing
from alara_train.data.prepare import resize as resizing
from alara_train.data.prepare.disk import lock, size
from alara_train.data.prepare.prepared import Prepared
from alara_train.data.prepare.progress_log import Outcome, append, open_log
from alara_train.data.prepare.request import Request
from alara_train.data.prepare.stacks import HEADER_BYTES, header, source_rows, stack_path, to_8_bits

TRAINING = Path(__file__).parents[4] / "training"
SIDES = (32, 64)


def quiet(films: Iterable[Outcome], done: int, total: int) -> Iterable[Outcome]:
    return films


def prepare(data: Path, out: Path, said: list[str] | None = None, **order: object) -> Prepared:
    given = {"sides_px": SIDES, "jobs": 1, "allow_one_class": True, **order}
    return preparing.prepare(
        Request(data=data, out=out, **given),  # type: ignore[arg-type]
        quiet,
        (said if said is not None else []).append,
    )


def as_served(prepared: Prepared) -> bool:
    """Whether row i of every stack is film i, resized as in serving."""
    return all(
        np.array_equal(prepared.pixels(side)[row], to_8_bits(resized(prepared.films.path(row), side)))
        for side in prepared.sides_px
        for row in range(len(prepared.films))
    )


def stacks(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("pixels-*.npy"))}


# --- pixels


def test_pixels_equal_those_of_serving_read_only_and_are_on_the_disk(tmp_path: Path) -> None:
    prepared = prepare(write_own(tmp_path / "data", 12, 6), tmp_path / "out")
    assert as_served(prepared)
    pixels = prepared.pixels(64)
    assert isinstance(pixels, np.memmap)
    assert (pixels.shape, pixels.dtype, pixels.flags.writeable) == ((12, 64, 64), np.uint8, False)
    assert prepared.split.tolist() == prepared.films.split.tolist()
    assert prepared.sides_px == SIDES
    assert np.array_equal(np.load(tmp_path / "out" / "pixels-64.npy"), pixels)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *(".lock", "films.csv", "pixels-32.npy", "pixels-64.npy", "prepared.json")
    ]


def test_sixteen_bits_are_resized_and_then_reduced(tmp_path: Path) -> None:
    prepared = prepare(write_own(tmp_path / "data", 4, 4, wide=True), tmp_path / "out")
    film = resized(prepared.films.path(0), 64)
    assert film.dtype == np.uint16
    assert abs(prepared.pixels(64)[0] / 255 - film / 65535).max() <= 0.5 / 255 + 1e-9
    assert to_8_bits(np.array([[0, 128, 129, 65535]], dtype=np.uint16)).tolist() == [[0, 0, 1, 255]]


def test_many_jobs_write_the_same_as_one(tmp_path: Path) -> None:
    data = write_own(tmp_path / "data", 40, 10)
    one, three = prepare(data, tmp_path / "one", jobs=1), prepare(data, tmp_path / "three", jobs=3)
    assert stacks(one.folder) == stacks(three.folder)
    assert (one.folder / "films.csv").read_bytes() == (three.folder / "films.csv").read_bytes()
    assert one.split_digest == three.split_digest


def test_the_header_has_one_length_for_one_film_and_for_millions() -> None:
    assert {len(header(films, side)) for films in (1, 112_120, 10**9) for side in (32, 1024)} == {HEADER_BYTES}


# --- kill and resume

DRIVER = """
import sys
from pathlib import Path
from alara_train.cli.main import app
from alara_train.data.prepare import resize
resize.COMMIT_SECONDS = 0.05
app(["prepare", *sys.argv[1:]])
"""


def command_line(data: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-c", DRIVER, str(data), "--out", str(out), "--allow-one-class", *more]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(TRAINING)}


def journalled(out: Path) -> int:
    path = out / "journal.jsonl"
    return path.read_bytes().count(b"\n") - 1 if path.is_file() else 0


def many_films(data: Path) -> Path:
    """900 films. The last 200 are large, so that a run takes seconds on any machine and is stopped before its end."""
    write_own(data, 900, 50)
    pyvips.Image.xyz(2000, 2000)[0].cast("uchar").copy(interpretation="b-w").write_to_file(str(data / "large.png"))
    large = (data / "large.png").read_bytes()
    for row in range(700, 900):
        # Bytes after the end of a PNG make each file another file.
        (data / "images" / f"{row}.png").write_bytes(large + str(row).encode())
    return data


def test_a_killed_run_resumes_and_gives_the_same_bytes(tmp_path: Path) -> None:
    data, out = many_films(tmp_path / "data"), tmp_path / "out"
    line = command_line(data, out, "--sides", "256,512", "--jobs", "2")
    assert stopped(line, out, signal.SIGKILL)[0] == -signal.SIGKILL
    with pytest.raises(BadData, match="is not finished: run the same prepare again"):
        Prepared.open(out)
    workers_end(out)
    done = journalled(out)
    assert 40 <= done < 900
    first = int((out / "journal.jsonl").read_text().splitlines()[1].split('"row":')[1].split(",")[0])
    at, mark = HEADER_BYTES + first * 512**2, b"not written again"
    with stack_path(out, 512).open("r+b") as file:
        file.seek(at)
        before = file.read(len(mark))
        file.seek(at)
        file.write(mark)
    again = subprocess.run(line, check=False, env=environment(), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert f"continuing: {done} of 900 films are done" in again.stdout
    assert f"{900 - done} films in" in again.stdout
    with stack_path(out, 512).open("r+b") as file:
        file.seek(at)
        assert file.read(len(mark)) == mark
        file.seek(at)
        file.write(before)
    whole = prepare(data, tmp_path / "whole", sides_px=(256, 512), jobs=2)
    assert stacks(out) == stacks(whole.folder)
    assert (out / "films.csv").read_bytes() == (whole.folder / "films.csv").read_bytes()


def stopped(line: list[str], out: Path, by: signal.Signals) -> tuple[int, str]:
    """Start a run, and stop it when some films are in the progress log. Returns its status and its output."""
    process = subprocess.Popen(line, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while journalled(out) < 40 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(by)
    return process.wait(), process.communicate()[1]


def test_an_interrupted_run_prints_how_to_resume(tmp_path: Path) -> None:
    data, out = many_films(tmp_path / "data"), tmp_path / "out"
    status, said = stopped(command_line(data, out, "--sides", "256,512"), out, signal.SIGINT)
    assert status == 130
    assert f"alara-train: stopped; run the same command to continue in {out}" in said
    assert "Traceback" not in said
    assert 40 <= journalled(out) < 900
    workers_end(out)


def workers_end(out: Path) -> None:
    """Workers of a killed run end on their own."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        left = [
            path
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if b"resize_process\x00" + os.fsencode(out) in _read(path)
        ]
        if not left:
            return
        time.sleep(0.02)
    pytest.fail(f"{len(left)} workers outlived the run")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_changed_film_is_read_again(tmp_path: Path) -> None:
    data, out, said = write_own(tmp_path / "data", 12, 6), tmp_path / "out", list[str]()
    (data / "images" / "5.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(BadData, match="broken-films"):
        prepare(data, out)
    write_film(data / "images" / "5.png", 5)
    write_film(data / "images" / "7.png", 77, shape=(50, 50))
    assert as_served(prepare(data, out, said))
    assert "continuing: 10 of 12 films are done" in said


def test_a_truncated_line_is_discarded(tmp_path: Path) -> None:
    file, _ = open_log(tmp_path, {"table": "a"})
    append(file, [Outcome(row=3, sha256="x", bytes=1, mtime_ns=2)])
    os.write(file, b'{"row":4,"sha')
    os.close(file)
    file, done = open_log(tmp_path, {"table": "a"})
    assert done == {3: Outcome(row=3, sha256="x", bytes=1, mtime_ns=2)}
    append(file, [Outcome(row=5)])
    os.close(file)
    file, done = open_log(tmp_path, {"table": "a"})
    os.close(file)
    assert list(done) == [3, 5]


@pytest.mark.parametrize("finished", [False, True])
def test_another_table_or_other_sides_are_refused(tmp_path: Path, finished: bool) -> None:
    data, out = write_own(tmp_path / "data", 12, 6), tmp_path / "out"
    if finished:
        prepare(data, out)
    else:
        (data / "images" / "5.png").write_bytes(b"")
        with pytest.raises(BadData, match=r"broken-films: 1 films cannot be read: 5\.png \(empty file\)"):
            prepare(data, out)
    with pytest.raises(BadData, match=r"sides.*name another --out, or delete the folder"):
        prepare(data, out, sides_px=(64,))
    edit(data / "table.csv", "3.png,p3,0", "3.png,p3,1")
    with pytest.raises(BadData, match=r"table.*name another --out, or delete the folder"):
        prepare(data, out)


def test_a_finished_folder_is_only_opened(tmp_path: Path) -> None:
    data, out, said = write_own(tmp_path / "data", 4, 4), tmp_path / "out", list[str]()
    prepare(data, out)
    before = {path: path.stat().st_mtime_ns for path in out.glob("[!.]*")}
    prepare(data, out, said)
    assert f"{out} is prepared already" in said
    assert {path: path.stat().st_mtime_ns for path in out.glob("pixels-*")}.items() <= before.items()


def test_two_concurrent_runs_are_refused(tmp_path: Path) -> None:
    data = write_own(tmp_path / "data", 4, 4)
    (tmp_path / "out").mkdir()
    with lock(tmp_path / "out"), pytest.raises(BadData, match="another alara-train is writing"):
        prepare(data, tmp_path / "out")


def test_a_folder_with_other_files_is_not_touched(tmp_path: Path) -> None:
    data = write_own(tmp_path / "data", 4, 4)
    with pytest.raises(BadData, match="holds other files, such as images"):
        prepare(data, data)


def test_a_crashed_worker_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_own(tmp_path / "data", 4, 4)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(BadData, match=r"a resizing process ended with 1 at .*0\.png; finished films are kept"):
        prepare(data, tmp_path / "out")


# --- a full disk


def test_a_full_disk_is_reported_before_any_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_own(tmp_path / "data", 12, 6)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=50_000))
    with pytest.raises(
        BadData, match=r"has 50\.0 kB free, and 12 films at 32, 64 px still need 64\.1 kB: free 14\.1 kB"
    ):
        prepare(data, tmp_path / "out")
    assert stacks(tmp_path / "out") == {}
    assert [size(count) for count in (999, 1000, 77_900_000_000)] == ["999 bytes", "1.0 kB", "77.9 GB"]


def test_a_disk_that_fills_up_is_reported_and_the_run_can_resume(tmp_path: Path) -> None:
    data, out = write_own(tmp_path / "data", 60, 10), tmp_path / "out"
    line = command_line(data, out, "--sides", "64,256", "--jobs", "2")
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({20 * 256**2},) * 2)"
    full = subprocess.run(
        [line[0], "-c", f"{limited}\n{line[2]}", *line[3:]],
        check=False,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert full.returncode == 2
    assert full.stderr.count("alara-train:") == 1
    assert "60 films at 64, 256 px take 4.2 MB in all" in full.stderr
    assert "free some space, then run the same command again" in full.stderr
    assert "Traceback" not in full.stderr
    done = journalled(out)
    assert 0 < done < 60
    again = subprocess.run(line, check=False, env=environment(), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert f"continuing: {done} of 60" in again.stdout
    assert as_served(Prepared.open(out))


def test_a_disk_that_is_full_during_a_write_of_the_progress_log_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out = write_own(tmp_path / "data", 12, 6), tmp_path / "out"

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(resizing.journal, "append", no_room)
        with pytest.raises(BadData, match="No space left on device"):
            prepare(data, out)
    assert as_served(prepare(data, out))


# --- unusable films


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def test_broken_films_are_all_listed_at_the_end_and_can_be_excluded(tmp_path: Path) -> None:
    data, out = write_own(tmp_path / "data", 30, 10), tmp_path / "out"
    truncate(data / "images" / "3.png")
    truncate(data / "images" / "29.png")
    (data / "images" / "8.png").write_bytes(b"")
    (data / "images" / "9.png").write_text("a letter")
    with pytest.raises(BadData) as refused:
        prepare(data, out)
    assert "broken-films: 4 films cannot be read: 3.png (" in str(refused.value)
    assert "9.png (neither PNG nor JPEG)" in (out / "problems" / "broken-films.txt").read_text()
    said: list[str] = []
    prepared = prepare(data, out, said, skip_broken=True)
    assert "continuing: 26 of 30 films are done" in said
    assert set(prepared.manifest["leftOut"]) == {"3.png", "8.png", "9.png", "29.png"}
    assert set(prepared.films.names) == {f"{i}.png" for i in range(30)} - set(prepared.manifest["leftOut"])
    assert as_served(prepared)
    assert not (out / "problems").exists()
    prepare(data, out, said, skip_broken=True)
    assert f"{out} is prepared already, without 4 films" in said
    assert all(path.stat().st_size == HEADER_BYTES + 26 * side**2 for side in SIDES for path in [stack_path(out, side)])


def test_a_kill_while_gaps_are_closed_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, out = write_own(tmp_path / "data", 30, 10), tmp_path / "out"
    truncate(data / "images" / "3.png")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(preparing, "write_atomic", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare(data, out, skip_broken=True)
    write_film(data / "images" / "3.png", 3)
    prepared = prepare(data, out, skip_broken=True)
    assert (len(prepared.films), prepared.manifest["leftOut"]) == (30, {})
    assert as_served(prepared)


def test_gaps_are_closed_with_the_last_films() -> None:
    kept = np.array([True, False, True, False, True, True, False])
    assert source_rows(kept).tolist() == [0, 4, 2, 5]
    assert source_rows(np.ones(5, dtype=bool)).tolist() == [0, 1, 2, 3, 4]


def test_one_film_of_two_patients_stops_the_run(tmp_path: Path) -> None:
    data, out = write_own(tmp_path / "data", 12, 6), tmp_path / "out"
    shutil.copy(data / "images" / "1.png", data / "images" / "2.png")
    with pytest.raises(BadData, match=r"same-film-two-patients: .*: 1\.png \(patient p1\) = 2\.png \(patient p2\)\."):
        prepare(data, out)
    prepared = prepare(data, out, skip_broken=True)
    assert prepared.manifest["leftOut"] == dict.fromkeys(("1.png", "2.png"), "same film under two patients")
    assert as_served(prepared)


def test_one_film_twice_of_one_patient_is_a_note(tmp_path: Path) -> None:
    data, said = write_own(tmp_path / "data", 12, 6), list[str]()
    shutil.copy(data / "images" / "1.png", data / "images" / "7.png")
    assert len(prepare(data, tmp_path / "out", said).films) == 12
    assert "note: 1 films of one patient occur more than once, first 1.png = 7.png" in said


def test_missing_films_are_listed_in_a_file_and_can_be_excluded(tmp_path: Path) -> None:
    data, out = write_own(tmp_path / "data", 12, 6), tmp_path / "out"
    for i in range(5):
        (data / "images" / f"{i}.png").unlink()
    with pytest.raises(BadData, match=r"missing-images: 5 films .*: 0\.png, 1\.png, 2\.png and 2 more"):
        prepare(data, out)
    assert len((out / "problems" / "missing-images.txt").read_text().split()) == 5
    prepared = prepare(data, out, skip_broken=True)
    assert len(prepared.films) == 7
    assert prepared.manifest["leftOut"]["4.png"] == "missing"
    shutil.rmtree(data / "images")
    with pytest.raises(BadData, match="missing-images: 12"):
        prepare(data, tmp_path / "other", skip_broken=True)


def test_one_class_is_refused_also_after_films_are_excluded(tmp_path: Path) -> None:
    rows: list[list[object]] = [["image", "patient", "Mass", "split"]]
    for i in range(8):
        rows.append([f"{i}.png", f"p{i}", i % 2, "val" if i < 2 else "train"])
        write_film(tmp_path / "data" / "images" / f"{i}.png", i)
    data = write_table(tmp_path / "data", rows)
    truncate(data / "images" / "1.png")
    with pytest.raises(BadData, match=r"one-class: .*Mass has no positive in val"):
        prepare(data, tmp_path / "out", skip_broken=True, allow_one_class=False)
    prepared = prepare(data, tmp_path / "out", skip_broken=True)
    assert prepared.manifest["leftOut"].keys() == {"1.png"}


# --- opening


def test_an_incomplete_folder_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="was not made by alara-train prepare"):
        Prepared.open(tmp_path)
    prepared = prepare(write_own(tmp_path / "data", 4, 4), tmp_path / "out")
    with pytest.raises(BadData, match="holds 32, 64 px, not 96"):
        prepared.pixels(96)
    truncate(prepared.folder / "pixels-64.npy")
    with pytest.raises(BadData, match="has 16312 bytes of 16512"):
        prepared.pixels(64)
    edit(prepared.folder / "films.csv", "0.png", "1.png")
    with pytest.raises(BadData, match="is not the one that was prepared"):
        Prepared.open(prepared.folder)


# --- the command


def test_a_folder_in_the_layout_of_nih_is_prepared_by_one_command(tmp_path: Path) -> None:
    data, out = write_nih(tmp_path / "nih", patients=30, test=6), tmp_path / "out"
    done = CliRunner().invoke(
        app, ["prepare", str(data), "--out", str(out), "--sides", "32,64", "--folds", "2", "--jobs", "1"]
    )
    assert done.exit_code == 0, done.output
    assert "nih: 60 films of 30 patients" in done.output
    assert "images/s at 2 sides with 1 jobs" in done.output
    prepared = Prepared.open(out)
    assert prepared.manifest["splits"]["test"] == 12
    assert prepared.films.folds == [0, 1]
    assert as_served(prepared)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--sides", "256,x"], "--sides must be numbers separated by commas"),
        (["--sides", "16"], "sides must be 32 to 1024 px, not 16"),
        (["--folds", "1"], "--folds must be 2 or more"),
        (["--jobs", "0"], "--jobs must be 1 or more"),
        ([], "has none of the three layouts"),
    ],
)
def test_wrong_arguments_end_with_code_2_and_one_message(tmp_path: Path, more: list[str], message: str) -> None:
    done = CliRunner().invoke(app, ["prepare", str(tmp_path), "--out", str(tmp_path / "out"), *more])
    assert done.exit_code == 2
    assert done.stderr.count("alara-train:") == 1
    assert message in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_fold_without_patients_is_a_note(tmp_path: Path) -> None:
    said: list[str] = []
    prepare(write_own(tmp_path / "data", 8, 8), tmp_path / "out", said)
    assert "note: no film is in fold 0, 3" in said


def test_help_explains_each_layout() -> None:
    text = CliRunner().invoke(app, ["prepare", "--help"], terminal_width=100, color=False).output
    for word in ("prepare ChestX-ray14 --out", "labels.csv and films/", "table.csv with image", "prepare mine --out"):
        assert word in text
