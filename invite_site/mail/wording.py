"""Names and notes as a mail may hold them: so that no mail program makes a link of one.

Mail programs underline whatever looks like an address, so `Claim it at evil.example` would be a
link in a mail from us.
"""

import re
import textwrap

WORD_JOINER = "\u2060"  # invisible, and no line may break there
# A name system takes each of these for the dot of a host name (RFC 3490 §3.1).
_DOT_OF_A_HOST = re.compile("([.\u3002\uff0e\uff61])(?=\\w\\w|\\d)")
_PARTS_OF_A_LINK = re.compile(r"[:\uff1a][/\uff0f]{1,2}|[@\uff20]")
_MARKS_OF_A_LINK = re.compile(r"://|[/\\@\uff0f\uff20]")


def unlinked(name: str) -> str:
    """The name with a break behind each dot that could stand in a host name, and no mark of a link.

    Hosts end in two letters or more, so initials stay untouched: `J.R.R. Tolkien`, `St. John`.
    """
    name = " ".join(_MARKS_OF_A_LINK.sub(" ", name).split())
    return _DOT_OF_A_HOST.sub(rf"\1{WORD_JOINER}", name)


def unlinked_text(text: str) -> str:
    """A text of several lines with a break in whatever could be part of a link; it reads as before."""
    text = _PARTS_OF_A_LINK.sub(lambda found: WORD_JOINER.join((*found[0], "")), text)
    return _DOT_OF_A_HOST.sub(rf"\1{WORD_JOINER}", text)


def quoted(text: str, width: int = 76) -> str:
    """The text as a quotation in a mail without markup: `> ` before each line, and lines that are no
    longer than `width` where the words allow it."""
    lines: list[str] = []
    for line in text.splitlines():
        wrapped = textwrap.wrap(line, width - 2, break_long_words=False, break_on_hyphens=False)
        lines += wrapped or [""]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def ended(sentence: str) -> str:
    """The sentence with its full stop, unless it ends in a name that brings one: `Acme Inc.`."""
    return sentence if sentence.endswith((".", "!", "?", "…")) else sentence + "."
