"""Names as a mail may hold them: in good sentences, and so that no mail program makes a link of one.

Mail programs underline whatever looks like an address, so `Claim it at evil.example` would be a
link in a mail from us.
"""

import re

WORD_JOINER = "\u2060"  # invisible, and no line may break there
# A name system takes each of these for the dot of a host name (RFC 3490 §3.1).
_DOT_OF_A_HOST = re.compile("([.\u3002\uff0e\uff61])(?=\\w\\w|\\d)")
_MARKS_OF_A_LINK = re.compile(r"://|[/\\@\uff0f\uff20]")


def unlinked(name: str) -> str:
    """The name with a break behind each dot that could stand in a host name, and no mark of a link.

    Hosts end in two letters or more, so initials stay untouched: `J.R.R. Tolkien`, `St. John`.
    """
    name = " ".join(_MARKS_OF_A_LINK.sub(" ", name).split())
    return _DOT_OF_A_HOST.sub(rf"\1{WORD_JOINER}", name)


def ended(sentence: str) -> str:
    """The sentence with its full stop, unless it ends in a name that brings one: `Acme Inc.`."""
    return sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."
