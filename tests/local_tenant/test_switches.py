"""What nobody could establish about Auth0: each switch stands where it says, and acts."""

from typing import Any

import pytest
import requests

from .client import CALLBACK, CONNECTION, PASSWORD, TenantClient, form_fields, query
from .contract import contract

ADMIN = ("admin@example.com", "Invite-Demo-1!")
RESULT_URL = "https://app.example/done?i=7"


def switch(tenant: TenantClient, **order: Any) -> None:
    answer = tenant.control("PUT", "/switches", order)
    assert answer.status_code == 200, answer.text


def test_a_callback_on_this_machine_may_be_asked_about(tenant: TenantClient) -> None:
    """Where no page was shown; never silently, and not after a login."""
    switch(tenant, loopback_callback_confirmation=True)
    assert "code" in query(tenant.log_in(*ADMIN))
    assert query(tenant.authorize(prompt="none"))["error"] == "interaction_required"
    page = tenant.authorize()
    assert page.status_code == 200
    assert "Continue to" in page.text
    sent = tenant.browser.post(
        f"{tenant.url}/u/callback-confirmation", data=form_fields(page.text), allow_redirects=False
    )
    assert "code" in query(sent)


def test_it_works(tenant: TenantClient) -> None:
    """Each can be read, set and put back."""
    fresh = tenant.control("GET", "/switches").json()
    assert fresh["result_url_with_client_id"] == "refuse"

    switch(tenant, result_url_with_client_id="allow", email_on_failure=False)

    changed = tenant.control("GET", "/switches").json()
    assert changed == {**fresh, "result_url_with_client_id": "allow", "email_on_failure": False}
    tenant.control("DELETE", "/switches")
    assert tenant.control("GET", "/switches").json() == fresh
    switch(tenant, email_on_failure=False)
    tenant.control("POST", "/reset")
    assert tenant.control("GET", "/switches").json() == fresh


@pytest.mark.parametrize(
    "order",
    [
        {"nothing": True},
        {"email_on_failure": "no"},
        {"email_on_failure": 1},
        {"dead_ticket_status": 500},
    ],
)
def test_an_order_nobody_understands_is_refused(
    tenant: TenantClient, order: dict[str, Any]
) -> None:
    """And none of its switches moves."""
    answer = tenant.control("PUT", "/switches", {"mail_to_blocked": False, **order})

    assert answer.status_code == 400
    assert next(iter(order)) in answer.json()["error"]
    assert tenant.control("GET", "/switches").json()["mail_to_blocked"] is True


@contract("§3.1", "`result_url` with `client_id`: refused, or by a switch allowed")
def test_a_ticket_with_both_ways_back(tenant: TenantClient) -> None:
    """Both readings of the sources can be had."""
    user_id = tenant.create_user()["user_id"]
    body = {
        "user_id": user_id,
        "result_url": RESULT_URL,
        "client_id": tenant.tenant.environment["AUTH0_CLIENT_ID"],
    }
    assert tenant.api("POST", "/tickets/password-change", body).status_code == 400

    switch(tenant, result_url_with_client_id="allow")

    assert tenant.api("POST", "/tickets/password-change", body).status_code == 201


@contract("§4", "a `result_url` on localhost is taken, or by a switch refused")
@pytest.mark.parametrize("host", ["localhost:3000", "127.0.0.1", "[::1]:3000"])
def test_a_result_url_on_this_machine(tenant: TenantClient, host: str) -> None:
    """A real tenant may refuse what the demo needs."""
    user_id = tenant.create_user()["user_id"]
    body = {"user_id": user_id, "result_url": f"http://{host}/done"}
    assert tenant.api("POST", "/tickets/password-change", body).status_code == 201

    switch(tenant, result_url_on_localhost="refuse")

    refused = tenant.api("POST", "/tickets/password-change", body)
    assert (refused.status_code, refused.json()["errorCode"]) == (400, "invalid_body")
    assert tenant.create_ticket(user_id, result_url=RESULT_URL)


@contract("§3.1", "403 on `result_url`, should the rule of 2026-05-05 cover tickets (switch)")
def test_a_result_url_can_be_barred(tenant: TenantClient) -> None:
    """A ticket without one is made all the same."""
    user_id = tenant.create_user()["user_id"]
    switch(tenant, ticket_result_url_barred=True)

    body = {"user_id": user_id, "result_url": RESULT_URL}
    answer = tenant.api("POST", "/tickets/password-change", body)

    told = "Customizations for resultUrl are not allowed for non-enterprise tenants"
    assert (answer.status_code, answer.json()["message"]) == (403, told)
    assert tenant.create_ticket(user_id)


@contract("§4", "`email` in the redirect: only when asked for, also on failure (switches)")
def test_the_address_in_the_redirect(tenant: TenantClient) -> None:
    """The default of a ticket, and what a failure tells."""
    user_id = tenant.create_user("ada+team@example.com")["user_id"]
    plain = tenant.set_password(tenant.create_ticket(user_id, result_url=RESULT_URL), PASSWORD)
    assert "email" not in query(plain)

    switch(tenant, include_email_default=True)
    ticket = tenant.create_ticket(user_id, result_url=RESULT_URL)
    assert (
        "email=ada%2Bteam%40example.com"
        in tenant.set_password(ticket, PASSWORD).headers["Location"]
    )
    assert query(tenant.open(ticket))["email"] == "ada+team@example.com"

    switch(tenant, email_on_failure=False, plus_in_redirect="literal")
    assert "email" not in query(tenant.open(ticket))
    again = tenant.create_ticket(user_id, result_url=RESULT_URL)
    assert (
        "email=ada+team%40example.com" in tenant.set_password(again, PASSWORD).headers["Location"]
    )


@contract("§1.6", "a call without a token is a 401 (status and body are a switch)")
@contract("§2.1", "POST /users with an unknown connection: 400, or by a switch 404")
@contract("§3.4", "the status of a page for a dead ticket is a switch")
def test_statuses_can_differ(tenant: TenantClient) -> None:
    """What no source gives a number for."""
    ticket = tenant.create_ticket(tenant.create_user()["user_id"], ttl_sec=1)
    tenant.control("POST", "/clock/advance", {"seconds": 2})
    body = {"connection": "other", "email": "x@example.com", "password": PASSWORD}

    def statuses() -> tuple[int, int, int]:
        return (
            requests.get(f"{tenant.url}/api/v2/users", timeout=10).status_code,
            tenant.api("POST", "/users", body).status_code,
            tenant.open(ticket).status_code,
        )

    assert statuses() == (401, 400, 400)
    switch(tenant, missing_token_status=400, unknown_connection_status=404, dead_ticket_status=200)
    assert statuses() == (400, 404, 200)


@contract("§2.1", "the nickname of an address with `+` (switch)")
def test_a_nickname_can_be_cut(tenant: TenantClient) -> None:
    """Unless one was sent."""
    assert tenant.create_user("ada+one@example.com")["nickname"] == "ada+one"
    switch(tenant, plus_in_nickname="cut")
    assert tenant.create_user("ada+two@example.com")["nickname"] == "ada"
    assert tenant.create_user("ada+x@example.com", nickname="a+b")["nickname"] == "a+b"


@contract("§7.3", "an authorization code lives for a minute (the figure is a switch)")
def test_a_code_can_live_longer(tenant: TenantClient) -> None:
    """By the tenant's clock."""
    switch(tenant, code_lifetime_seconds=300)
    code = query(tenant.log_in("admin@example.com", "Invite-Demo-1!"))["code"]
    tenant.control("POST", "/clock/advance", {"seconds": 299})
    assert tenant.exchange(code).status_code == 200
    later = query(tenant.log_in("admin@example.com", "Invite-Demo-1!"))["code"]
    tenant.control("POST", "/clock/advance", {"seconds": 301})
    assert tenant.exchange(later).status_code == 403


@contract("§7.2", "an application without a connection, or with an unknown one, lets nobody in")
def test_an_application_needs_its_connection(tenant: TenantClient) -> None:
    """Told to the application; the texts are ours."""
    unknown = query(tenant.authorize(connection="other"))
    assert (unknown["error"], unknown["state"]) == ("invalid_request", "the-state")
    (connection,) = tenant.configure("GET", f"/connections?name={CONNECTION}").json()
    client_id = tenant.tenant.environment["AUTH0_CLIENT_ID"]
    wish = [{"client_id": client_id, "status": False}]
    tenant.configure("PATCH", f"/connections/{connection['id']}/clients", wish)

    refused = tenant.authorize(connection=CONNECTION)

    assert refused.headers["Location"].startswith(CALLBACK)
    assert query(refused)["error_description"] == "no connections enabled for the client"


@contract("§7.6", "without `client_id` the tenant's own list of logout addresses counts")
def test_the_tenants_own_logout_addresses(tenant: TenantClient) -> None:
    """Set by whoever sets the tenant up; those of the application count where it is named, and there
    alone."""
    address = f"{tenant.url}/v2/logout?returnTo=https%3A%2F%2Fout.example%2F"
    assert tenant.open(address).status_code == 400
    of_application = "returnTo=http%3A%2F%2Flocalhost%3A3000%2F"
    assert tenant.open(f"{tenant.url}/v2/logout?{of_application}").status_code == 400
    to = of_application.replace("returnTo", "post_logout_redirect_uri")
    assert tenant.open(f"{tenant.url}/oidc/logout?{to}").status_code == 400

    tenant.configure(
        "PATCH", "/tenants/settings", {"allowed_logout_urls": ["https://out.example/"]}
    )

    assert tenant.open(address).headers["Location"] == "https://out.example/"
    client_id = tenant.tenant.environment["AUTH0_CLIENT_ID"]
    assert tenant.open(f"{address}&client_id={client_id}").status_code == 400
