"""The verification mail of a new user: sent unless whoever makes the user says otherwise."""

import re
from typing import Any

import pytest

from .client import TenantClient
from .contract import contract


def mailed_link(tenant: TenantClient) -> str:
    [mail] = tenant.messages()["messages"]
    assert mail["Subject"] == "Verify your email"
    whole = tenant.browser.get(
        f"{tenant.tenant.mailbox_url}/api/v1/message/{mail['ID']}", timeout=10
    ).json()
    [link] = re.findall(r"http\S+", whole["Text"])
    assert link in whole["HTML"]
    return str(link)


@contract("§2.1", "an unverified user gets a verification mail, unless `verify_email` is false")
def test_it_works(tenant: TenantClient) -> None:
    """Its link verifies the address, also when it is opened twice."""
    user = tenant.create_user(verify_email=True)
    link = mailed_link(tenant)
    for _ in range(2):
        assert "is verified now" in tenant.open(link).text
    assert tenant.user(user["user_id"])["email_verified"] is True
    entries = tenant.configure("GET", f"/users/{user['user_id']}/logs").json()
    assert [each["type"] for each in entries].count("sv") == 1


@pytest.mark.parametrize(
    "more", [{"verify_email": False}, {"verify_email": True, "email_verified": True}]
)
def test_no_mail_is_sent_where_none_is_asked_for(
    tenant: TenantClient, more: dict[str, Any]
) -> None:
    """Also not to an address that is verified already."""
    tenant.create_user(**more)
    assert tenant.messages()["total"] == 0


def test_it_is_from_the_address_of_the_mail_provider(tenant: TenantClient) -> None:
    """A mail server of one's own refuses the address of Auth0's."""
    provider = {"name": "mailgun", "credentials": {"api_key": "k"}}
    address = "no-reply@acme.test"
    tenant.configure("POST", "/emails/provider", {**provider, "default_from_address": address})
    tenant.create_user(verify_email=True)
    [mail] = tenant.messages()["messages"]
    assert mail["From"]["Address"] == address


def test_a_forged_old_or_foreign_link_verifies_nothing(tenant: TenantClient) -> None:
    """Damaged, or of an address that the account does not have any more."""
    user = tenant.create_user(verify_email=True)
    link = mailed_link(tenant)
    assert tenant.open(f"{link}x").status_code == 400
    tenant.api("PATCH", f"/users/{user['user_id']}", {"email": "other@example.com"})
    assert tenant.open(link).status_code == 400
    assert tenant.user(user["user_id"])["email_verified"] is False


def test_the_link_lasts_five_days_by_the_tenants_clock(tenant: TenantClient) -> None:
    tenant.create_user(verify_email=True)
    link = mailed_link(tenant)
    tenant.control("PUT", "/clock", {"offset": 432_000 + 60})
    answer = tenant.open(link)
    assert answer.status_code == 400
    assert "Access expired." in answer.text
    tenant.control("PUT", "/clock", {"offset": 432_000 - 60})
    assert tenant.open(link).status_code == 200
