"""What would be harmless on this machine, and is refused where others reach the site."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from . import env_file

# How many different characters a key needs. One of 32 random hexadecimal digits has fewer once in
# 20,000,000 times.
FEWEST_CHARACTERS = 8
PLACEHOLDERS = ("changeme", "change-me", "change_me", "secret", "password", "example", "replace")
NO = {"", "0", "false", "no"}  # as Flask reads FLASK_DEBUG


def problems_of(
    keys: Sequence[str], environ: Mapping[str, str], file: Path | None
) -> Iterator[str]:
    """A sentence for each, with what to do. `file` is the `.env` that was read, if any."""
    if any(_is_guessable(key) for key in keys):
        yield (
            "SECRET_KEY can be guessed: it repeats itself or is a placeholder. Make one with "
            "python3 -c 'import secrets; print(secrets.token_hex())'."
        )
    if environ.get("FLASK_DEBUG", "").strip().lower() not in NO:
        yield (
            "FLASK_DEBUG (or --debug) lets visitors run code on this machine. Leave it out; "
            "LOG_LEVEL=DEBUG shows more in the log."
        )
    if file is not None and env_file.others_can_read(file):
        yield f"{file} holds secrets and can be read by others. Run: chmod 600 {shlex.quote(str(file))}"


def _is_guessable(key: str) -> bool:
    rest = key.lower()
    for word in PLACEHOLDERS:
        rest = rest.replace(word, "")
    # A random key that happens to hold one of the words has enough besides.
    return len(set(rest)) < FEWEST_CHARACTERS
