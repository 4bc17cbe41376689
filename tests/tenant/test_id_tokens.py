"""What is taken from the claims of an ID token."""

from pathlib import Path

import pytest

from invite_site.tenant.id_tokens import identity_of, name_of, text_of
from tests.support.running import Tenant, settings_for

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


@pytest.mark.parametrize(
    ("claim", "may_invite"),
    [
        ("inviter", True),
        (["editor", "inviter"], True),
        ("not-an-inviter", False),
        ("editor,inviter", False),
        (["not-an-inviter"], False),
        ({"inviter": False}, False),
        (["editor", ["inviter"]], False),
        ("", False),
        (None, False),
    ],
)
def test_a_role_is_the_whole_of_a_word(
    tenant: Tenant, tmp_path: Path, claim: object, may_invite: bool
) -> None:
    """Who has a role with a longer name may not invite by it."""
    settings = settings_for(tenant, tmp_path, ADMIN_ROLE_CLAIM="roles", ADMIN_ROLE="inviter")
    claims = {"sub": "auth0|1", "aud": settings.client_id, "roles": claim}
    assert identity_of(claims, settings).has_admin_role is may_invite


def test_without_a_setting_no_claim_is_a_role(tenant: Tenant, tmp_path: Path) -> None:
    """Not even an empty one."""
    settings = settings_for(tenant, tmp_path)
    claims = {"sub": "auth0|1", "aud": settings.client_id, "": ""}
    assert not identity_of(claims, settings).has_admin_role
