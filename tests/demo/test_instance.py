"""The folder of a demo."""

from pathlib import Path

import pytest

from invite_site.demo.instance import FolderUnusable, Instance, NotOfADemo


def test_it_works(tmp_path: Path) -> None:
    """What a demo has stored is forgotten, and its folder is gone."""
    instance = Instance(tmp_path / "instance")
    with instance.locked():
        instance.begin_story()
        instance.keep_clock_offset(3.0)
        instance.write_environment({"NAME": "value"})
        for name in ("site.db", "site.db-wal", "tenant.db", "tenant.db-shm"):
            (instance.folder / name).touch()
    instance.forget()
    assert not instance.folder.exists()


def test_what_is_not_of_a_demo_is_kept(tmp_path: Path) -> None:
    """In a folder that somebody names by mistake, and the databases of a site and of a local tenant started
    alone, beside which a demo was started and found its port taken."""
    (tmp_path / "letters").mkdir()
    for name in ("site.db", "tenant.db"):
        (tmp_path / name).touch()
    instance = Instance(tmp_path)
    instance.forget()
    with instance.locked():
        instance.keep_clock_offset(3.0)
    instance.forget()
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "letters",
        "site.db",
        "tenant.db",
    ]


def test_a_demo_leaves_the_database_of_a_site_alone(tmp_path: Path) -> None:
    """Its worker would deliver what waits there to the demo's mailbox. A local tenant beside it may have
    been started alone."""
    instance = Instance(tmp_path)
    (tmp_path / "site.db").touch()  # by a command that needs no table
    instance.require_own()
    assert instance.is_new
    (tmp_path / "site.db").write_text("SQLite")
    (tmp_path / "tenant.db").touch()
    assert not Instance(tmp_path).is_new
    with pytest.raises(NotOfADemo, match="make run"):
        instance.require_own()
    instance.write_environment({"NAME": "value"})
    instance.require_own()


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """At the start, where a file stands in its place; and at a reset."""
    (tmp_path / "file").touch()
    with (
        pytest.raises(FolderUnusable, match="Not a directory"),
        Instance(tmp_path / "file/x").locked(),
    ):
        pass
    (tmp_path / "demo.lock").mkdir()
    with pytest.raises(FolderUnusable, match=r"INSTANCE_DIR=…"):
        Instance(tmp_path).forget()
