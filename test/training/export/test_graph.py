"""Which int8 kernels a processor needs."""

from pathlib import Path

import pytest

from alara_train.export.graph import has_vnni


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu avx2 avx512f avx512_vnni avx512_bitalg", True),
        ("fpu avx2 avx_vnni", True),
        ("fpu avx2 avx512f", False),
        ("fpu xavx_vnni avx_vnni_int8", False),
    ],
)
def test_vnni_is_read_from_the_flags_of_the_processor(tmp_path: Path, flags: str, expected: bool) -> None:
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text(f"processor\t: 0\nmodel name\t: A processor avx512_vnni\nflags\t\t: {flags}\nbugs\t\t:\n")
    assert has_vnni(cpu_info) is expected


def test_a_system_that_does_not_list_its_instructions_counts_as_one_without_vnni(tmp_path: Path) -> None:
    assert not has_vnni(tmp_path / "cpuinfo")
