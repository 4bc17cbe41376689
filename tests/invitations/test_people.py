"""One address, one person: what may be invited, and what counts as the same address."""

import pytest

from invite_site.errors import InvalidInvitee
from invite_site.invitations.people import Invitee, safe_name


def test_it_works() -> None:
    """The address stays as typed; the key is in lower case."""
    invitee = Invitee.parse("  O'Brien+Team@Example.COM ", "  Pat   O'Brien ")
    assert invitee == Invitee("O'Brien+Team@example.com", "o'brien+team@example.com", "Pat O'Brien")


def test_a_foreign_domain_is_compared_by_its_ascii_form() -> None:
    """Both ways to write a domain are one key."""
    assert (
        Invitee.parse("jo@bücher.example").email_norm
        == Invitee.parse("jo@XN--bcher-kva.example").email_norm
        == "jo@xn--bcher-kva.example"
    )


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "ada@localhost",
        "ada@example.com, eve@evil.example",
        "ada@example.com;eve@evil.example",
        "ada@example.com\nBcc: eve@evil.example",
        "ada@example.com\r\n",
        "ada\x00@example.com",
        "group:ada@example.com,eve@evil.example;",
        "Ada <ada@example.com>",
        "аda@example.com",  # noqa: RUF001 - a Cyrillic letter is the point
        "K" * 300 + "@example.com",
        "a" * 250 + "@example.com",
    ],
)
def test_what_is_not_one_address_is_refused(address: str) -> None:
    """Lists, headers, look-alikes and half addresses get a sentence, not an invitation."""
    if address.strip() == "ada@example.com":
        assert Invitee.parse(address).email == "ada@example.com"
        return
    with pytest.raises(InvalidInvitee) as refused:
        Invitee.parse(address)
    assert refused.value.field == "email"


@pytest.mark.parametrize(
    "name",
    [
        "x" * 81,
        "Click https://evil.example now",
        "visit WWW.evil.example",
        "Claim 500 EUR at evil.example/x",
        "ada@evil.example",
        "evil.example／x",  # noqa: RUF001 - a wide slash is the point
        "ada＠evil.example",  # noqa: RUF001 - so is a wide @
        "evil.example\\x",
        "Ada\u202eByron",
        "Ada\x07",
    ],
)
def test_a_name_cannot_carry_a_message(name: str) -> None:
    """The name stands in a mail from us; it holds no link and nothing invisible."""
    with pytest.raises(InvalidInvitee) as refused:
        Invitee.parse("ada@example.com", name)
    assert refused.value.field == "name"


def test_names_from_everywhere_are_fine() -> None:
    """Joiners are part of how some names are written, dots of others."""
    for name in (
        "J.R.R. Tolkien",
        "St. John",
        "Sammy Davis Jr.",
        "J.Smith",
        "Claim it at evil.example",
        "Zoë Ærø",
        "علی‌رضا",
        "李小龍",
        "Nguyễn Văn A",
        "{{7*7}}",
        "<b>Bob",
    ):
        assert Invitee.parse("ada@example.com", name).name == name


def test_a_name_that_is_too_long_is_refused_and_not_cut() -> None:
    """With a sentence; eighty letters are fine."""
    assert Invitee.parse("ada@example.com", "x" * 80).name == "x" * 80
    with pytest.raises(InvalidInvitee, match="at most 80 characters"):
        Invitee.parse("ada@example.com", "x" * 81)


@pytest.mark.parametrize(
    ("told", "safe"),
    [
        ("Grace Hopper", "Grace Hopper"),
        ("J.R.R. Tolkien", "J.R.R. Tolkien"),
        ("grace@example.com", "grace"),
        ("Grace <grace@example.com>", "Grace <grace"),
        ("Claim 500 EUR at https://evil.example/x", "Claim 500 EUR at https evil.example x"),
        ("www.evil.example", "evil.example"),
        ("evil.example／x", "evil.example x"),  # noqa: RUF001 - a wide slash is the point
        ("Ada\u202eByron\x07 ", "AdaByron"),
        ("@/", ""),
        ("نیم\u200cفصل", "نیم\u200cفصل"),
        ("①", "①"),
        ("x" * 81, "x" * 79 + "…"),
    ],
)
def test_a_name_from_a_token_is_reduced_to_what_is_safe(told: str, safe: str) -> None:
    """Nobody here can correct it, so it is never refused."""
    assert safe_name(told) == safe
    assert Invitee.parse("ada@example.com", safe).name == safe


INVISIBLE = [
    "\u200b",
    "\ufeff",
    "\u00ad",
    "\u200e",
    "\u202e",
    "\u2060",
    "\u00a0",
    "\u3164",
    "\ufe0f",
    "\u200c",
]


@pytest.mark.parametrize("letter", INVISIBLE, ids=ascii)
def test_what_came_along_at_the_ends_of_a_pasted_address_is_dropped(letter: str) -> None:
    """Nobody sees it, so nobody could delete it."""
    for pasted in (
        f"{letter}ada@example.com",
        f"ada@example.com{letter}",
        f" {letter} ada@example.com{letter}\t",
    ):
        assert Invitee.parse(pasted).email == "ada@example.com"


@pytest.mark.parametrize("letter", INVISIBLE, ids=ascii)
@pytest.mark.parametrize("address", ["a{}da@example.com", "ada{}@example.com", "ada@exam{}ple.com"])
def test_an_invisible_character_inside_an_address_is_named(address: str, letter: str) -> None:
    """With what to do: the field shows an address that looks right."""
    with pytest.raises(InvalidInvitee, match=r"invisible character\. Delete .* type it"):
        Invitee.parse(address.format(letter))


def test_what_stands_before_the_at_is_judged_as_it_was_typed() -> None:
    """Not as normalisation makes it: the Kelvin sign would become a K, and another mailbox."""
    for look_alike in ("\u212aelvin", "ａda", "ﬁona"):  # noqa: RUF001 - they are the point
        with pytest.raises(InvalidInvitee, match="English alphabet"):
            Invitee.parse(f"{look_alike}@example.com")


def test_at_most_64_characters_stand_before_the_at() -> None:
    """More has no mail server to take."""
    assert Invitee.parse("a" * 64 + "@example.com").email_norm == "a" * 64 + "@example.com"
    with pytest.raises(InvalidInvitee, match="at most 64"):
        Invitee.parse("a" * 65 + "@example.com")
