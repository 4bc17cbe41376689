"""Text of others, such as names: what of it can be stored, and shown on one line."""

import unicodedata

JOINERS = "\u200c\u200d"  # invisible, but part of how Persian and Indic names are written


def printable(text: str) -> str:
    """The text without the letters that are not printed."""
    return "".join(filter(_is_printed, text))


def one_line(text: str) -> str:
    """The text on one line, its words with single spaces between them."""
    return " ".join("".join(c if _is_printed(c) else " " for c in text).split())


def shown(text: str) -> str:
    """The text with U+FFFD in place of what is not printed: a terminal obeys control characters. Tabs and
    spaces of all kinds stay."""
    return "".join(
        each
        if each == "\t" or _is_printed(each) or unicodedata.category(each) == "Zs"
        else "\ufffd"
        for each in text
    )


def _is_printed(letter: str) -> bool:
    return letter.isprintable() or letter in JOINERS
