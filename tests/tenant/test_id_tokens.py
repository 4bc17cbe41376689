"""What is taken from the claims of an ID token."""

import pytest

from invite_site.tenant.id_tokens import name_of, text_of

ALI_REZA = "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"  # written with an invisible joiner


@pytest.mark.parametrize(
    "claim", ["ad\u200da@example.com", "ada\u200b@example.com", "auth0|x\n", "\0", 7, None, ["a"]]
)
def test_an_id_or_an_address_is_taken_whole_or_not_at_all(claim: object) -> None:
    """Without a letter it would be that of somebody else."""
    assert text_of(claim) == ""


@pytest.mark.parametrize(
    ("claim", "name"),
    [("Zoë Müller", "Zoë Müller"), (ALI_REZA, ALI_REZA), ("Eve\x1b[2J\n", "Eve[2J"), (7, "")],
)
def test_a_name_is_taken_as_far_as_it_can_be_shown(claim: object, name: str) -> None:
    """A joiner belongs to it, though nobody sees one."""
    assert name_of(claim) == name
