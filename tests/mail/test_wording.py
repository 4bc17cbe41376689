"""Names, notes and sentences as a mail may hold them, letter by letter."""

import pytest

from invite_site.mail.wording import WORD_JOINER, ended, quoted, unlinked, unlinked_text

DOTS = [".", "\u3002", "\uff0e", "\uff61"]  # a name system takes each for the dot of a host name


@pytest.mark.parametrize("dot", DOTS)
@pytest.mark.parametrize("host", ["evil{}example", "10{}1"])
def test_each_dot_of_a_host_has_a_break_behind_it(host: str, dot: str) -> None:
    """In names as in notes."""
    for write in (unlinked, unlinked_text):
        assert write(host.format(dot)) == host.format(dot + WORD_JOINER)


@pytest.mark.parametrize("mark", ["://", "/", "\\", "@", "\uff0f", "\uff20"])
def test_a_name_holds_no_mark_of_a_link(mark: str) -> None:
    """A blank takes its place, and never more than one."""
    assert unlinked(f"Ada {mark} Byron") == unlinked(f"Ada{mark}Byron") == "Ada Byron"


def test_what_is_no_link_stays() -> None:
    """A colon alone, and the initials of a name."""
    assert unlinked("Ada: J.R.R. Byron") == "Ada: J.R.R. Byron"
    assert (
        unlinked_text("At 9: room 3.b, and/or J.R.R. Byron")
        == "At 9: room 3.b, and/or J.R.R. Byron"
    )


@pytest.mark.parametrize("colon", [":", "\uff1a"])
@pytest.mark.parametrize("slash", ["/", "\uff0f"])
def test_each_beginning_of_a_link_in_a_note_is_broken(colon: str, slash: str) -> None:
    """With one slash as with two."""
    for slashes in (slash, slash * 2):
        broken = WORD_JOINER.join((colon, *slashes, "x"))
        assert unlinked_text(f"https{colon}{slashes}x") == f"https{broken}"


@pytest.mark.parametrize("sign", ["@", "\uff20"])
def test_an_address_in_a_note_is_broken(sign: str) -> None:
    """Else it would be one to write to."""
    assert unlinked_text(f"eve{sign}x") == f"eve{sign}{WORD_JOINER}x"


def test_a_quotation_breaks_lines_between_words_alone() -> None:
    """A long word stays whole, also at its hyphens, and an empty line stays one."""
    word = "-".join(["long"] * 20)
    assert quoted(f"a {word} b\n\nc") == f"> a\n> {word}\n> b\n>\n> c"


@pytest.mark.parametrize("mark", ".!?…")
def test_a_sentence_has_one_mark_at_its_end(mark: str) -> None:
    """Its own, or a full stop."""
    assert ended(f"Go{mark}") == f"Go{mark}"
    assert ended("Go") == "Go."
