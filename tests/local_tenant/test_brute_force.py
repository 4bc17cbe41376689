"""Auth0's brute-force protection: ten wrong passwords block a user for one IP address."""

import pytest

from .client import PASSWORD, TenantClient, form_fields, query
from .contract import contract

BLOCKED = "Your account has been blocked after multiple consecutive login attempts."
GOOD = "Correct-Horse-1"


def tries(tenant: TenantClient, password: str, email: str = "ada@example.com") -> str:
    """What the login page says, or the address it leads to."""
    answer = tenant.log_in(email, password)
    return answer.headers.get("Location", answer.text)


def blocks(tenant: TenantClient) -> str:
    """Type a wrong password ten times; the user's id."""
    user = tenant.create_user()
    for _ in range(10):
        assert "Wrong email or password." in tries(tenant, "Wrong-Horse-1")
    return str(user["user_id"])


@contract("8", "10 failures by user and IP address block; the page says so")
def test_it_works(tenant: TenantClient) -> None:
    """From then on the right password does not help either."""
    blocks(tenant)
    assert BLOCKED in tries(tenant, PASSWORD)
    assert "code=" in tries(tenant, "Invite-Demo-1!", "admin@example.com")


@contract("3.3", "a new password lifts the brute-force block")
def test_a_new_password_by_a_ticket_lifts_it(tenant: TenantClient) -> None:
    """The person has read mail to the address."""
    user_id = blocks(tenant)
    tenant.set_password(tenant.create_ticket(user_id), GOOD)
    assert "code=" in tries(tenant, GOOD)


def test_a_new_password_by_an_administrator_lifts_it(tenant: TenantClient) -> None:
    """PATCH is a password change as well."""
    user_id = blocks(tenant)
    tenant.api("PATCH", f"/users/{user_id}", {"password": GOOD})
    assert "code=" in tries(tenant, GOOD)


def test_only_failures_in_a_row_count(tenant: TenantClient) -> None:
    """A login in between begins the count anew."""
    tenant.create_user()
    for password in ["Wrong-Horse-1"] * 9 + [PASSWORD] + ["Wrong-Horse-1"] * 9:
        tries(tenant, password)
    assert "code=" in tries(tenant, PASSWORD)


def test_the_block_is_the_same_on_both_login_pages(tenant: TenantClient) -> None:
    """Whichever experience is on."""
    blocks(tenant)
    tenant.control("PUT", "/experience", {"experience": "new"})
    address = tenant.authorize(login_hint="ada@example.com").headers["Location"]
    fields = form_fields(tenant.open(tenant.url + address).text)
    page = tenant.browser.post(
        f"{tenant.url}/u/login/password",
        data=fields | {"username": "ada@example.com", "password": PASSWORD},
        timeout=10,
    )
    assert BLOCKED in page.text


@contract("2.3", "a PATCH of the password leaves tickets alone")
@contract("3.3", "a new password ends the user's sessions")
@pytest.mark.parametrize("by", ["ticket", "patch"])
def test_sessions_end_and_tickets_survive(tenant: TenantClient, by: str) -> None:
    """The browser that was signed in has to log in again; the mailed link still works."""
    user_id = tenant.create_user()["user_id"]
    assert "code" in query(tenant.log_in("ada@example.com", PASSWORD))
    assert "code" in query(tenant.authorize(prompt=None))
    ticket = tenant.create_ticket(user_id)

    if by == "patch":
        tenant.api("PATCH", f"/users/{user_id}", {"password": GOOD})
        assert tenant.open(ticket).status_code == 200
    else:
        tenant.set_password(ticket, GOOD)

    assert query(tenant.authorize(prompt="none"))["error"] == "login_required"
    assert "last_password_reset" in tenant.user(user_id)
