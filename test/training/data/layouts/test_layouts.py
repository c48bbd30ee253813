from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvips

from alara_train.data.films import FINDINGS, BadData, Labelled
from alara_train.data.layouts import collection, nih, split, table
from alara_train.data.layouts.checks import check, check_sides, one_class
from alara_train.data.layouts.csv_rows import age_years, suggestion
from alara_train.data.layouts.detect import detect, read
from alara_train.data.layouts.problems import Problem, raise_problems
from alara_train.data.layouts.settings import Blank, Settings, Uncertain
from alara_train.data.prepare import films_csv

# SHA-256 of "0\nfold\n3" and similar texts. A change would move patients between all test sets.
GOLDEN_FOLDS = [3, 3, 4, 2, 3, 0, 0, 0]
GOLDEN_SPLITS = ["train", "train", "train", "train", "val", "train", "test", "val"]

NIH_COLUMNS = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Sex,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)


def write_film(path: Path, seed: int, shape: tuple[int, int] = (40, 32), wide: bool = False) -> None:
    """A film of noise that is unique to its seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 65536 if wide else 256, shape)
    film = noise.astype(np.uint16 if wide else np.uint8)
    pyvips.Image.new_from_array(film).copy(interpretation="grey16" if wide else "b-w").write_to_file(str(path))


def write_table(data: Path, rows: Sequence[Sequence[object]], name: str = "table.csv") -> Path:
    data.mkdir(parents=True, exist_ok=True)
    with (data / name).open("w", newline="") as out:
        csv.writer(out).writerows(rows)
    return data


def write_own(data: Path, count: int, patients: int, **film: object) -> Path:
    """Films in the plain layout, half of them with Effusion."""
    rows: list[list[object]] = [["image", "patient", "Effusion"]]
    for i in range(count):
        write_film(data / "images" / f"{i}.png", i, **film)  # type: ignore[arg-type]
        rows.append([f"{i}.png", f"p{i % patients}", i // patients % 2])
    return write_table(data, rows)


def write_nih(data: Path, patients: int = 12, films: int = 2, test: int = 3, pixels: bool = True) -> Path:
    """The layout of the download: two folders of images, official lists, the last patients in test."""
    lists: dict[bool, list[str]] = {False: [], True: []}
    lines = [NIH_COLUMNS]
    for patient in range(1, patients + 1):
        for film in range(films):
            name = f"{patient:08d}_{film:03d}.png"
            path = data / f"images_{1 + patient % 2:03d}" / "images" / name
            if pixels:
                write_film(path, patient * 1000 + film)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            labels = "No Finding" if film % 2 else "|".join(FINDINGS)
            lines.append(f"{name},{labels},{film},{patient},58,{'FM'[patient % 2]},PA,2682,2749,0.143,0.144")
            lists[patient > patients - test].append(name)
    (data / "Data_Entry_2017_v2020.csv").write_text("\n".join(lines) + "\n")
    (data / "train_val_list.txt").write_text("\n".join(lists[False]))
    (data / "test_list.txt").write_text("\n".join(lists[True]))
    return data


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def problem(problems: Sequence[Problem], code: str) -> Problem:
    assert code in [each.code for each in problems]
    return next(each for each in problems if each.code == code)


def read_own(data: Path, rows: Sequence[Sequence[object]], settings: Settings | None = None) -> Labelled:
    return table.read(write_table(data, rows), settings or Settings()).films


# --- the layout of NIH


def test_nih_films_are_found_labelled_and_split_by_the_official_lists(tmp_path: Path) -> None:
    reading = read(write_nih(tmp_path, pixels=False), Settings(val_share=0.4, folds=3))
    films = reading.films
    assert (reading.layout, len(films), reading.notes) == ("nih", 24, ())
    assert films.path(0) == tmp_path / "images_002" / "images" / "00000001_000.png"
    assert films.labels[0].tolist() == [1] * 14
    assert films.labels[1].tolist() == [0] * 14
    assert set(films.patients[films.where("test")]) == {"10", "11", "12"}
    assert set(films.fold[films.where("test")]) == {-1}
    assert set(films.fold[films.where("train", "val")]) <= {0, 1, 2}
    assert -1 not in films.folds
    assert len(films.where("val")) > 0
    assert split.shared(films.patients, films.split.tolist()) == []
    assert (films.sex[0], films.age[0], films.view[0]) == ("M", 58, "PA")
    assert films.extent_mm[0] == pytest.approx([2749 * 0.144, 2682 * 0.143])


def test_the_older_nih_table_and_a_flat_folder_are_read(tmp_path: Path) -> None:
    write_nih(tmp_path, pixels=False)
    new, old = tmp_path / "Data_Entry_2017_v2020.csv", tmp_path / "Data_Entry_2017.csv"
    old.write_text(new.read_text().replace("Patient Sex", "Patient Gender").replace(",58,", ",058Y,"))
    new.unlink()
    edit(old, "058Y", "414Y")
    (tmp_path / "images").mkdir()
    for path in tmp_path.glob("images_*/images/*.png"):
        path.rename(tmp_path / "images" / path.name)
    reading = nih.read(tmp_path, Settings())
    assert [each.code for each in reading.problems if each.code == "missing-images"] == []
    assert reading.films.age[:2].tolist() == [-1, 58]
    assert reading.films.sex[0] == "M"
    assert reading.notes == ("1 ages became unknown, first 414Y",)


def test_errors_in_an_nih_folder_are_reported_at_once(tmp_path: Path) -> None:
    write_nih(tmp_path, pixels=False)
    entry = tmp_path / "Data_Entry_2017_v2020.csv"
    edit(entry, "00000001_001.png,No Finding", "00000001_001.png,Pleural Thickening|Masss")
    edit(entry, "00000002_001.png,No Finding", "00000002_001.png,No Finding|Mass")
    (tmp_path / "images_001" / "images" / "00000002_000.png").unlink()
    (tmp_path / "images_001" / "images" / "00000001_000.png").touch()
    edit(tmp_path / "train_val_list.txt", "00000003_000.png\n", "")
    edit(tmp_path / "test_list.txt", "00000012_001.png", "00000012_001.png\n00000004_000.png")
    problems = nih.read(tmp_path, Settings()).problems
    assert problem(problems, "unknown-findings").names == (
        "'Masss' (did you mean Mass?) in 1 films",
        "'Pleural Thickening' (did you mean Pleural_Thickening?) in 1 films",
    )
    assert problem(problems, "contradictory-labels").names == ("00000002_001.png",)
    assert problem(problems, "missing-images").names == ("00000002_000.png",)
    assert problem(problems, "images-twice").names == ("00000001_000.png",)
    assert problem(problems, "not-in-lists").names == ("00000003_000.png",)
    assert problem(problems, "in-both-lists").names == ("00000004_000.png",)
    assert problem(problems, "patients-in-two-splits").names == ("4",)


def test_a_patient_in_both_official_lists_stops_the_run(tmp_path: Path) -> None:
    write_nih(tmp_path, pixels=False)
    edit(tmp_path / "train_val_list.txt", "00000003_000.png\n", "")
    edit(tmp_path / "test_list.txt", "00000012_001.png", "00000012_001.png\n00000003_000.png")
    with pytest.raises(BadData, match=r"patients-in-two-splits: 1 patients are in more than one split: 3\."):
        raise_problems(nih.read(tmp_path, Settings()).problems, tmp_path)


def test_nih_without_its_lists_is_refused(tmp_path: Path) -> None:
    write_nih(tmp_path, pixels=False)
    (tmp_path / "test_list.txt").unlink()
    with pytest.raises(BadData, match=r"lacks test_list\.txt: download"):
        read(tmp_path, Settings())


# --- the layout of a collection


def write_collection(data: Path, head: str = "", tail: str = "") -> Path:
    lines = ["image,patient,view,fold," + ",".join(FINDINGS) + head]
    (data / "films").mkdir(parents=True)
    for i in range(8):
        (data / "films" / f"{i}.png").touch()
        lines.append(f"{i}.png,p{i // 2},AP,{i // 2 % 2}," + ",".join([str(i % 2)] * 14) + tail)
    (data / "labels.csv").write_text("\n".join(lines) + "\n")
    return data


def test_a_collection_is_read_column_by_column(tmp_path: Path) -> None:
    head, tail = ",split,repo,sex,age,native_w,native_h,pixel_spacing_mm", ",train,here,F,81,1024,512,0.5"
    data = write_collection(tmp_path, head, tail)
    films = collection.read(data, Settings(folds=2)).films
    rows = [line.split(",") for line in (data / "labels.csv").read_text().splitlines()]
    columns = {name: [row[k] for row in rows[1:]] for k, name in enumerate(rows[0])}
    assert (list(films.names), films.folder, films.folds) == (columns["image"], data / "films", [0, 1])
    assert films.labels.T.tolist() == [[int(value) for value in columns[finding]] for finding in FINDINGS]
    assert films.fold.tolist() == [int(value) for value in columns["fold"]]
    for name, column in (("patients", "patient"), ("view", "view"), ("collection", "repo")):
        assert getattr(films, name).tolist() == columns[column]
    assert set(films.split) <= {"train", "val"}
    assert (films.sex[0], films.age[0], films.extent_mm[0].tolist()) == ("F", 81, [256.0, 512.0])


def test_a_collection_keeps_its_folds_and_says_so(tmp_path: Path) -> None:
    reading = collection.read(write_collection(tmp_path), Settings(folds=7))
    assert reading.films.folds == [0, 1]
    assert reading.notes == ("labels.csv states its own 2 folds, not the 7 of the request",)


def test_invalid_values_in_a_collection_are_named(tmp_path: Path) -> None:
    data = write_collection(tmp_path, ",split", ",tain")
    edit(data / "labels.csv", "0.png,p0,AP,0,0", "0.png,p0,AP,x,2")
    problems = collection.read(data, Settings()).problems
    assert problem(problems, "bad-labels").names == ("0.png",)
    assert problem(problems, "bad-folds").names == ("0.png",)
    assert len(problem(problems, "bad-splits").names) == 8


# --- the plain layout


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(), [1, 0, -1, -1]),
        (Settings(uncertain=Uncertain.zero), [1, 0, 0, -1]),
        (Settings(uncertain=Uncertain.one, blank=Blank.zero), [1, 0, 1, 0]),
    ],
)
def test_uncertain_and_empty_labels_are_converted_as_configured(
    tmp_path: Path, settings: Settings, expected: list[int]
) -> None:
    rows = [["image", "patient", "Mass"], *([f"a/{i}.png", i, word] for i, word in enumerate(["1.0", 0, -1, ""]))]
    films = read_own(tmp_path, rows, settings)
    assert films.findings == ("Mass",)
    assert films.labels[:, 0].tolist() == expected
    assert films.path(0) == tmp_path / "images" / "a" / "0.png"


def test_every_label_column_is_a_finding_with_any_name(tmp_path: Path) -> None:
    head = ["image", "patient", "Pleural Effusion", "Mass", "Lung Lesion", "gender", "No Finding"]
    data = write_table(tmp_path, [head, ["a.png", "p", 1, 0, "-1", "F", 0]])
    reading = table.read(data, Settings())
    assert reading.films.findings == ("Mass", "Pleural Effusion", "Lung Lesion")
    assert reading.films.labels.tolist() == [[0, 1, -1]]
    assert reading.notes == (
        "findings: Mass, Pleural Effusion, Lung Lesion",
        "Pleural Effusion is a separate finding (did you mean Effusion?)",
        "columns left alone: gender, No Finding",
    )
    named = table.read(data, Settings(findings=("Lung Lesion", "No Finding"))).films
    assert named.findings == ("Lung Lesion", "No Finding")
    assert named.labels.tolist() == [[-1, 0]]
    with pytest.raises(BadData, match="has no column Lung lesions \\(did you mean Lung Lesion"):
        table.read(data, Settings(findings=("Lung lesions",)))


def test_a_finding_name_that_no_request_can_contain_is_refused(tmp_path: Path) -> None:
    for name in ("Mass, left", "a:b", " Mass", "x" * 65):
        head = ["image", "patient", "Mass", name]
        reading = table.read(write_table(tmp_path, [head, ["a.png", "p", 1, 0]]), Settings())
        assert problem(reading.problems, "unknown-findings").names == (name,)
        with pytest.raises(BadData, match="not a valid name of a finding"):
            Settings(findings=(name,))


def test_a_given_test_set_is_excluded_from_every_fold_and_validation_is_split_off(tmp_path: Path) -> None:
    head = ["image", "patient", "Mass", "split", "sex", "age", "source"]
    rows = [[f"{i}.png", i, i % 2, "test" if i < 10 else "train", "female", "61.0", "ward"] for i in range(100)]
    films = read_own(tmp_path, [head, *rows])
    assert films.where("test").tolist() == list(range(10))
    assert set(films.fold[:10]) == {-1}
    assert 3 <= len(films.where("val")) <= 25
    assert (films.sex[0], films.age[0], films.collection[0]) == ("F", 61, "ward")


def test_invalid_values_in_a_plain_table_are_named(tmp_path: Path) -> None:
    rows = [["image", "patient", "Mass", "split"], ["a.png", "p", "yes", "train"], ["b.png", "q", 1, "tset"]]
    problems = table.read(write_table(tmp_path, rows), Settings()).problems
    assert problem(problems, "bad-labels").names == ("a.png",)
    assert problem(problems, "bad-splits").names == ("b.png",)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["image", "patient", "Mass"]], "has no rows"),
        ([["image", "Mass"], ["a.png", 1]], "lacks the columns patient; it has image, Mass"),
        ([["image", "patient"], ["a.png", "p"]], "has no finding"),
    ],
)
def test_a_table_without_a_required_column_is_refused(tmp_path: Path, rows: list[list[object]], message: str) -> None:
    with pytest.raises(BadData, match=message):
        read_own(tmp_path, rows)


def test_a_binary_file_as_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(b"image,patient\n\xff\xfe\x00")
    with pytest.raises(BadData, match="not a CSV file in UTF-8"):
        read(tmp_path, Settings())


# --- which layout


def test_the_error_for_a_folder_without_a_layout_lists_all_three(tmp_path: Path) -> None:
    with pytest.raises(BadData) as refused:
        detect(tmp_path)
    for mark in ("Data_Entry_2017_v2020.csv", "labels.csv", "table.csv"):
        assert mark in str(refused.value)
    with pytest.raises(BadData, match="is not a folder"):
        detect(tmp_path / "nowhere")


def test_two_layouts_in_one_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").touch()
    assert detect(tmp_path) == "collection"
    (tmp_path / "table.csv").touch()
    with pytest.raises(BadData, match="tables of collection and table"):
        detect(tmp_path)


# --- splits


def test_a_split_is_the_same_on_every_machine() -> None:
    patients = np.array([str(i) for i in range(8)])
    assert split.folds(patients, 5, 0).tolist() == GOLDEN_FOLDS
    assert split.splits(patients, Settings()).tolist() == GOLDEN_SPLITS


def test_new_patients_move_no_other_patient_and_fractions_are_met() -> None:
    patients = np.array([f"p{i}" for i in range(4000)])
    few = patients[::7]
    assert (split.folds(patients, 5, 3)[::7] == split.folds(few, 5, 3)).all()
    drawn = split.splits(patients, Settings(seed=3))
    assert (drawn[::7] == split.splits(few, Settings(seed=3))).all()
    shares = [float((drawn == name).mean()) for name in ("train", "val", "test")]
    assert shares == pytest.approx([0.7, 0.1, 0.2], abs=0.03)
    assert np.bincount(split.folds(patients, 5, 3)) / 4000 == pytest.approx(0.2, abs=0.03)
    assert (split.folds(patients, 5, 3) != split.folds(patients, 5, 4)).any()


def test_the_digest_depends_on_the_split_and_not_on_the_order() -> None:
    films = made()
    assert split.digest(films) == split.digest(films.take(np.arange(len(films))[::-1]))
    moved = films.split.copy()
    moved[films.patients == films.patients[0]] = "test"
    assert split.digest(films) != split.digest(replace(films, split=moved))


# --- checks


def made(count: int = 8) -> Labelled:
    """Valid films without files."""
    return Labelled(
        folder=Path("nowhere"),
        names=tuple(f"{i}.png" for i in range(count)),
        files=tuple(f"{i}.png" for i in range(count)),
        patients=np.array([f"p{i // 2}" for i in range(count)]),
        labels=np.tile(np.arange(count)[:, None] % 2, 14),
        fold=np.arange(count) // 2 % 2,
        split=np.array(["train", "train", "val", "val"] * (count // 4)),
        view=np.full(count, "PA"),
        sex=np.full(count, "F"),
        age=np.full(count, 60),
        collection=np.full(count, "here"),
        extent_mm=np.full((count, 2), np.nan),
    )


def test_each_error_of_the_table_is_found() -> None:
    films = replace(
        made(),
        names=("0.png", "0.png", "2.dcm", "3.png", "4.png", "5.png", "6.png", "7.png"),
        patients=np.array(["p0", "p0", "p0", "", "p2", "p2", "p3", "p3"]),
    )
    problems = check(films)
    assert problem(problems, "duplicate-films").names == ("0.png",)
    assert problem(problems, "not-images").names == ("2.dcm",)
    assert problem(problems, "no-patient").names == ("3.png",)
    assert problem(problems, "patients-in-two-splits").names == ("p0",)
    assert problem(problems, "patients-in-two-folds").names == ("p0",)
    assert len(problem(problems, "missing-images").names) == 8


def test_a_valid_table_has_no_problem(tmp_path: Path) -> None:
    films = replace(made(), folder=tmp_path)
    for name in films.files:
        (tmp_path / name).touch()
    assert check(films) == []


def test_a_finding_of_one_class_in_a_fold_or_split_is_named() -> None:
    films = made()
    films.labels[films.fold == 1, 13] = 0
    assert problem(one_class(films), "one-class").names == (
        "Hernia has no positive in fold 1",
        "Hernia has no positive in val",
    )
    films.labels[:, 13] = -1
    assert one_class(films) == []
    assert problem(one_class(replace(films, split=np.full(8, "train"))), "empty-splits").names == ("val",)


def test_a_message_counts_problems_and_names_the_first_and_a_file_lists_all(tmp_path: Path) -> None:
    names = tuple(f"{i}.png" for i in range(10))
    with pytest.raises(BadData) as refused:
        raise_problems(
            [Problem(code="x", what="films are bad", names=names, correction="Mend them")], tmp_path, tmp_path / "lists"
        )
    assert "x: 10 films are bad: 0.png, 1.png, 2.png and 7 more. Mend them." in str(refused.value)
    assert f"all 10 are listed in {tmp_path / 'lists' / 'x.txt'}" in str(refused.value)
    assert (tmp_path / "lists" / "x.txt").read_text().split() == list(names)


def test_sides_are_sorted_and_checked() -> None:
    assert check_sides([512, 256, 256]) == (256, 512)
    with pytest.raises(BadData, match="32 to 1024 px, not 16, 2048"):
        check_sides([16, 256, 2048])
    with pytest.raises(BadData, match="multiples of 32 px: take 608 for 600"):
        check_sides([256, 600], stride=32)
    with pytest.raises(BadData, match="no side"):
        check_sides([])


def test_settings_out_of_range_are_refused() -> None:
    for bad in ({"folds": 1}, {"test_share": 1.0}, {"val_share": 0.0}):
        with pytest.raises(BadData, match="must be"):
            Settings(**bad)  # type: ignore[arg-type]


# --- words and lines


@pytest.mark.parametrize(
    ("word", "age"),
    [("58", 58), ("60.0", 60), ("058Y", 58), ("013M", 1), ("001D", 0), ("414", -1), ("", -1), ("x", -1)],
)
def test_ages(word: str, age: int) -> None:
    assert age_years(word) == age


def test_a_similar_word_is_suggested_and_a_different_one_is_not() -> None:
    assert suggestion("pleural thickening") == " (did you mean Pleural_Thickening?)"
    assert suggestion("Cardiomegally") == " (did you mean Cardiomegaly?)"
    assert suggestion("fracture") == ""


def test_films_csv_returns_the_written_values(tmp_path: Path) -> None:
    films = made()
    films.labels[0] = -1
    films.fold[films.split == "val"] = -1
    films.age[1] = -1
    films.extent_mm[2] = (427.52, 0.1 + 0.2)
    path = tmp_path / "films.csv"
    path.write_text(films_csv.text(films))
    back = films_csv.read(path, films.folder)
    assert films_csv.text(back) == path.read_text()
    assert (back.labels == films.labels).all()
    assert (back.fold == films.fold).all()
    assert np.array_equal(back.extent_mm, films.extent_mm, equal_nan=True)
    assert back.names == films.names
