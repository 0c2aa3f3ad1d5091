"""Connections of a settings file that changes while the process runs; and changing one of them in the file."""

from __future__ import annotations

import os
import threading
import time
import tomllib
from pathlib import Path

import pytest

from connectors.registry import option_models
from core.errors import ConfigError, ConflictError
from core.settings import Settings, load_settings
from sync.room.following import LOOK, Follower
from sync.setup.settings_file import change_section, is_writable, mark_of, read_section
from workers.process import configure_process, process_app

ONE = '[connections.a]\nconnector = "onec_odata"\nurl = "http://a/x"  # here\n'
TWO = '\n[connections."Б в"]\nconnector = "onec_odata"\nurl = "http://b/x"\n'


class Watch:
    """Seconds that are moved by hand."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "settings.toml"
    made.write_text(ONE, "utf-8")
    return made


@pytest.fixture
def followed(path: Path) -> tuple[Follower, Watch]:
    watch = Watch()
    return Follower(load_settings(path, environ={}, connectors=option_models()), watch), watch


def later(followed: tuple[Follower, Watch], looks: int = 2) -> list[str]:
    """The connections after so many looks."""
    follower, watch = followed
    for _ in range(looks):
        watch.at += 1.5
        follower.current()
    return sorted(follower.current().connections)


def write(path: Path, text: str) -> None:
    """Another file in its place, as editors and we ourselves put it."""
    draft = path.with_suffix(".new")
    draft.write_text(text, "utf-8")
    draft.replace(path)


def test_taken_up_when_the_file_rests(path: Path, followed: tuple[Follower, Watch]) -> None:
    before = followed[0].current()
    write(path, ONE + TWO)
    assert later(followed, 1) == ["a"], "somebody may still be writing"
    assert later(followed) == ["a", "Б в"]
    assert sorted(before.connections) == ["a"], "who works with the former settings goes on with them"


def test_changed_and_taken_out(path: Path, followed: tuple[Follower, Watch]) -> None:
    write(path, TWO)
    assert later(followed) == ["a", "Б в"], "one that is taken out goes with the next start"
    write(path, ONE.replace("//a/", "//c/") + TWO)
    later(followed)
    assert followed[0].current().connections["a"].options.url.startswith("http://c/x")


@pytest.mark.parametrize(
    "text", ["", "[connections.half", ONE.replace("onec_odata", "none"), ONE + "[nonsense]\nx = 1\n"]
)
def test_a_file_with_mistakes_changes_nothing(path: Path, followed: tuple[Follower, Watch], text: str) -> None:
    write(path, text)
    assert later(followed, 3) == ["a"]
    path.unlink()
    assert later(followed, 3) == ["a"]
    write(path, ONE + TWO)
    assert later(followed) == ["a", "Б в"]


def test_all_else_in_the_file_waits_for_a_start(path: Path, followed: tuple[Follower, Watch]) -> None:
    write(path, '[schedule]\nevery = "7s"\n' + ONE + TWO)
    later(followed)
    assert followed[0].current().schedule.every.total_seconds() == 300


def test_who_has_written_it_himself_takes_it_up_at_once(path: Path, followed: tuple[Follower, Watch]) -> None:
    write(path, ONE + TWO)
    assert sorted(followed[0].take_up().connections) == ["a", "Б в"]


def test_a_file_that_rests_already_is_taken_up_at_the_first_look(path: Path, followed: tuple[Follower, Watch]) -> None:
    write(path, ONE + TWO)
    os.utime(path, ns=(0, path.stat().st_mtime_ns - 5_000_000_000))
    assert later(followed, 1) == ["a", "Б в"], "a worker may be asked once in an hour"


def test_a_fork_takes_up_what_its_parent_never_looked_at(path: Path, followed: tuple[Follower, Watch]) -> None:
    configure_process(followed[0].settings)
    write(path, ONE + TWO)
    os.utime(path, ns=(0, path.stat().st_mtime_ns - 5_000_000_000))
    channel, answer = os.pipe()
    child = os.fork()
    if not child:  # as a pool replaces a child that has died
        time.sleep(LOOK + 0.1)
        os.write(answer, ",".join(sorted(process_app().settings.connections)).encode())
        os._exit(0)
    os.close(answer)
    assert os.read(channel, 100).decode() == "a,Б в"
    os.waitpid(child, 0)


def test_settings_that_are_no_file_are_never_looked_for() -> None:
    settings = Settings()
    assert Follower(settings, lambda: 100.0).current() is settings and settings.path is None


def test_one_key_is_changed_and_all_else_stays(path: Path) -> None:
    write(path, f"# top\n\n{ONE}user = 'x'\n\n# between\n{TWO}# end\n")
    os.chmod(path, 0o640)
    change_section(
        path, "a", {"url": "http://n/x", "user": None, "write": "off", "password": {"file": "/s/x"}}, mark=mark_of(path)
    )
    text = path.read_text("utf-8")
    assert read_section(path, "a") == {
        "connector": "onec_odata", "url": "http://n/x", "write": "off", "password": {"file": "/s/x"},
    }  # fmt: skip
    assert text.startswith("# top\n\n[connections.a]\n") and 'url = "http://n/x"  # here' in text
    assert text.endswith(f"{TWO}# end\n") and "# between" in text
    assert path.stat().st_mode & 0o777 == 0o640 and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", ["new", "Мой склад", "a.b", 'with "quotes"'])
def test_a_new_section_under_any_name(path: Path, name: str) -> None:
    changes = {"connector": "onec_odata", "url": "http://n/x", "since": None, "attempts": 3, "allow_http": True}
    change_section(path, name, changes, mark=mark_of(path))
    assert path.read_text("utf-8").startswith(ONE)
    made = tomllib.loads(path.read_text("utf-8"))["connections"][name]
    assert made == {key: value for key, value in changes.items() if value is not None}


def test_what_would_be_wrong_is_not_written(path: Path) -> None:
    for changes in ({"url": "nonsense"}, {"connector": "none"}, {"unknown": 1}):
        with pytest.raises(ConfigError):
            change_section(path, "a", changes, mark=mark_of(path))
    with pytest.raises(ConflictError):
        change_section(path, "a", {"url": "http://n/x"}, mark="another")
    assert path.read_text("utf-8") == ONE and list(path.parent.iterdir()) == [path]


def test_of_two_who_write_at_once_one_is_refused(path: Path) -> None:
    mark, refused, gate = mark_of(path), [], threading.Barrier(2)

    def put(name: str) -> None:
        gate.wait()
        try:
            change_section(path, name, {"connector": "onec_odata", "url": f"http://{name}/x"}, mark=mark)
        except ConflictError:
            refused.append(name)

    threads = [threading.Thread(target=put, args=(name,)) for name in ("b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(refused) == 1 and len(tomllib.loads(path.read_text("utf-8"))["connections"]) == 2


def test_whether_it_can_be_written(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_writable(path) and is_writable(tmp_path / "not-there-yet.toml")
    assert not is_writable(tmp_path / "no-folder" / "settings.toml")
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    change_section(link, "b", {"connector": "onec_odata", "url": "http://b/x"}, mark=mark_of(link))
    assert link.is_symlink() and "connections.b" in path.read_text("utf-8")
