"""The file `.env`: read as UTF-8, or refused with the line that is not."""

import difflib
import io
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from dotenv import load_dotenv
from dotenv.parser import parse_stream

from .errors import ConfigError

ALIKE = 0.85  # of two names, as difflib measures it: a letter or two of a word


def load(file: Path) -> None:
    """Put what the file says into the environment, where that does not say it already.

    No file is no fault. Raises ConfigError where it cannot be read.
    """
    try:
        content = file.read_bytes()
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        return
    except OSError as refused:
        raise ConfigError(
            [
                f"{file} cannot be read ({refused.strerror}). It must be a file that the user who runs "
                "this may read."
            ]
        ) from refused
    except UnicodeDecodeError as fault:
        raise _not_utf8(file, content, fault.start) from None  # the cause quotes the whole file
    if b"\0" in content:  # UTF-16 without its mark; no variable can hold it
        raise _not_utf8(file, content, content.index(b"\0"))
    # python-dotenv only warns about a line that it cannot read, and leaves its setting out.
    unread = [each.original.line for each in parse_stream(io.StringIO(text)) if each.error]
    if unread:
        raise ConfigError([_unreadable(file, line) for line in unread])
    load_dotenv(stream=io.StringIO(text))


def misspelt(file: Path, known: Collection[str], given: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each name in the file that is nearly that of a setting without a value."""
    missing = [name for name in known if not given.get(name)]
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return
    for name in sorted({each.key for each in parse_stream(io.StringIO(text)) if each.key}):
        meant = difflib.get_close_matches(name.upper(), missing, 1, ALIKE)
        if meant and name not in known:
            yield (
                f"{file} has {name}, which is no setting of this site. Write {meant[0]}, or leave it out."
            )


def _unreadable(file: Path, line: int) -> str:
    return (
        f"{file}, line {line}, cannot be read. Write NAME=value, and a value with quotation marks or # "
        "in single quotes: NAME='value'."
    )


def _not_utf8(file: Path, content: bytes, at: int) -> ConfigError:
    line = content.count(b"\n", 0, at) + 1
    return ConfigError(
        [f"{file} is not UTF-8: line {line} has a letter in another encoding. Save it as UTF-8."]
    )


def others_can_read(file: Path) -> bool:
    """Whether anybody but its owner may read or change the file."""
    try:
        return bool(file.stat().st_mode & 0o077)
    except FileNotFoundError:
        return False
