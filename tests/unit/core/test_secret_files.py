"""A secret that was typed: in a file of its own that nobody else may read, found again, cut out of texts."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.secret_files import forget_secret, keep_secret
from core.secrets import read_secret, redact

VALUE = "Бекас-5531, with a blank at the end "


def test_kept_and_found_by_its_reference(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "secrets"
    first, second = (keep_secret(folder, "Мой склад-password", VALUE) for _ in range(2))
    assert first != second and first.parent == folder and first.is_absolute()
    assert read_secret({"file": str(first)}).reveal() == VALUE
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, first)] == [0o700, 0o600]
    assert redact(f"x{VALUE}y") == "x***y" and VALUE not in first.name


@pytest.mark.parametrize("name", ["../../x", "a/b", "", "-" * 300, "\x00"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    assert keep_secret(tmp_path, name, VALUE).parent == tmp_path


def test_only_ours_are_forgotten(tmp_path: Path) -> None:
    ours, theirs = keep_secret(tmp_path / "s", "crm", VALUE), tmp_path / "s" / "by-hand"
    theirs.write_text("x", "utf-8")
    outside = tmp_path / "crm.0123456789abcdef"
    outside.write_text("x", "utf-8")
    assert forget_secret(tmp_path / "s", str(ours)) and not ours.exists()
    assert forget_secret(tmp_path / "s", str(ours)), "once more does no harm"
    for path in (theirs, outside, tmp_path / "s" / ".." / outside.name):
        assert not forget_secret(tmp_path / "s", str(path)) and outside.exists() and theirs.exists()


def test_a_folder_that_cannot_be_is_said_without_the_secret(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("a file", "utf-8")
    with pytest.raises(ConfigError) as caught:
        keep_secret(tmp_path / "s", "crm", VALUE)
    assert VALUE not in str(caught.value) and "[web] secrets" in caught.value.next_step
