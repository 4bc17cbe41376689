"""The file of settings: read as UTF-8, or refused with the line that cannot be read."""

import os
import re
from pathlib import Path

import pytest

from invite_site import create_app, env_file
from invite_site.errors import ConfigError
from invite_site.settings import ROOT, Settings
from tests.support.users import ordinary_user
from tests.support.variables import GOOD, HERE


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o660])
def test_a_file_of_settings_that_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    """Where others reach the site: it holds the secrets of the tenant and the mail server."""
    folder = tmp_path / "our site"
    folder.mkdir()
    file = folder / ".env"
    file.touch()
    file.chmod(mode)
    with pytest.raises(ConfigError, match=f"chmod 600 '{file}'"):
        Settings.from_env(GOOD, env_file=file)
    Settings.from_env({**GOOD, **HERE}, env_file=file)
    file.chmod(0o600)
    Settings.from_env(GOOD, env_file=file)
    file.unlink()
    Settings.from_env(GOOD, env_file=file)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "cp1252"])
def test_a_file_of_settings_in_another_encoding_is_named_with_its_line(
    encoding: str, tmp_path: Path
) -> None:
    """And never quoted: a line of it may hold a secret."""
    file = tmp_path / ".env"
    file.write_bytes("LEVEL_A='1'\r\nNAME_A='Müller'\r\n".encode(encoding))
    line = 1 if encoding == "utf-16" else 2
    with pytest.raises(ConfigError) as refused:
        env_file.load(file)
    assert f"{file} is not UTF-8: line {line} " in str(refused.value)
    assert "ller" not in str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_file_of_settings_in_two_bytes_a_letter_is_named(encoding: str, tmp_path: Path) -> None:
    """As some editors save it, without the mark that would tell."""
    file = tmp_path / ".env"
    file.write_bytes("LEVEL_A='1'\r\n".encode(encoding))
    with pytest.raises(ConfigError, match="is not UTF-8: line 1 "):
        env_file.load(file)


@pytest.mark.parametrize(
    "line", ['MAIL_FROM="Acme, Inc." <secret@example.com>', "SMTP_URL secret", "APP_NAME='secret"]
)
def test_a_line_of_settings_that_cannot_be_read_is_named(line: str, tmp_path: Path) -> None:
    """It would be left out otherwise, and an optional setting would have its default without a word."""
    file = tmp_path / ".env"
    file.write_text(f"# Names\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"\.env, line 2, cannot be read") as refused:
        env_file.load(file)
    assert "secret" not in str(refused.value)


def test_the_example_of_a_name_in_quotes_is_read_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the file of settings and then by the setting."""
    page = (ROOT / ".env.example").read_text(encoding="utf-8")
    [example] = re.findall(r"""'".*>'$""", page, re.MULTILINE)
    file = tmp_path / ".env"
    file.write_text(f"MAIL_FROM={example}\n", encoding="utf-8")
    monkeypatch.setenv("MAIL_FROM", "")  # taken back at the end
    monkeypatch.delenv("MAIL_FROM")
    env_file.load(file)
    settings = Settings.from_env({**GOOD, "MAIL_FROM": os.environ["MAIL_FROM"]})
    assert settings.mail_from.name == "Acme, Inc."


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_a_file_of_settings_is_read(
    start: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the mark that Windows puts first, and its ends of lines; the environment has the last word."""
    file = tmp_path / ".env"
    file.write_bytes(start + "NAME_B='Müller'\r\nNAME_C=file\r\n".encode())
    monkeypatch.setenv("NAME_B", "")  # both are taken back at the end
    monkeypatch.delenv("NAME_B")
    monkeypatch.setenv("NAME_C", "environment")
    env_file.load(file)
    assert os.environ.pop("NAME_B") == "Müller"
    assert os.environ["NAME_C"] == "environment"
    env_file.load(tmp_path / "none")


@pytest.mark.parametrize(
    ("written", "meant"),
    [("INVITE_DELIVRY", "INVITE_DELIVERY"), ("TRUSTED_PROXY", "TRUSTED_PROXIES"),
     ("TENANT_SETUP_CLIENTID", "TENANT_SETUP_CLIENT_ID"), ("invite_link", "INVITE_LINK")],
)  # fmt: skip
def test_a_misspelt_name_in_the_file_of_settings_is_told(
    written: str, meant: str, tmp_path: Path
) -> None:
    """The setting would have its default without a word."""
    file = tmp_path / ".env"
    file.write_text(f"{written}=1\n", encoding="utf-8")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match=f"{written}, which is no setting.* {meant}") as refused:
        Settings.from_env({**GOOD, written: "1"}, env_file=file)
    assert len(refused.value.problems) == 1


def test_a_first_start_says_where_settings_are_looked_for(tmp_path: Path) -> None:
    """Where some are missing, and there is no file of them."""
    file = tmp_path / ".env"
    with pytest.raises(ConfigError, match=rf"{file} is not there. Copy \.env\.example"):
        Settings.from_env({**GOOD, "APP_NAME": ""}, env_file=file)
    Settings.from_env(GOOD, env_file=file)
    file.touch(mode=0o600)
    with pytest.raises(ConfigError) as refused:
        Settings.from_env({**GOOD, "APP_NAME": ""}, env_file=file)
    assert refused.value.problems == ["APP_NAME is missing."]


def test_names_of_others_may_stand_in_the_file_of_settings(tmp_path: Path) -> None:
    """And an older value, beside the one in force, and a setting without a value."""
    file = tmp_path / ".env"
    file.write_text("MALLOC_ARENA_MAX=2\nSMTP_PORT=1\nSMTP_URLS=x\nAPP_URL=\n", encoding="utf-8")
    file.chmod(0o600)
    Settings.from_env(GOOD, env_file=file)


def test_a_file_of_settings_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    """A folder of that name, or a file of another user; with what to do."""
    file = tmp_path / ".env"
    file.touch()
    file.chmod(0 if os.geteuid() else 0o600)
    advice = r" cannot be read \(.+\)\. It must be a file that the user who runs this may read\."
    with pytest.raises(ConfigError, match=f"{tmp_path}{advice}"):
        env_file.load(tmp_path)
    with ordinary_user(), pytest.raises(ConfigError, match=f"{file}{advice}"):
        env_file.load(file)


def test_a_start_says_what_is_wrong_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever server starts it."""
    file = tmp_path / ".env"
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    file.write_bytes("# Müller\n".encode("latin-1"))
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="is not UTF-8: line 1"):
        create_app(file=file)
    file.write_bytes(b"# nothing\n")
    with pytest.raises(ConfigError, match="chmod 600"):
        create_app(file=file)
