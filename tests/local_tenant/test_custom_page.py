"""The customised password page: stored HTML with Auth0's variables, and a widget of ours."""

import re
from pathlib import Path

import pytest
import requests

from .client import TenantClient, form_fields, query
from .contract import contract

PAGE = (Path(__file__).parent / "custom_page.html").read_text(encoding="utf-8")
RESULT_URL = "http://localhost:3000/invite/complete?i=inv_7"
GOOD = "Correct-Horse-1"


def store(tenant: TenantClient, page: str, *, enabled: bool = True) -> None:
    tenant.configure(
        "PATCH", "/tenants/settings", {"change_password": {"enabled": enabled, "html": page}}
    )


def opens_ticket(tenant: TenantClient, email: str = "ada@example.com") -> requests.Response:
    user = tenant.create_user(email)
    return tenant.open(tenant.create_ticket(user["user_id"], result_url=RESULT_URL))


@contract("6.1", "the stored page is rendered with Auth0's Liquid variables")
def test_it_works(tenant: TenantClient) -> None:
    """Values are filled in, and the widget comes from this tenant."""
    store(tenant, PAGE)
    page = opens_ticket(tenant)

    assert page.status_code == 200
    assert "email: 'ada@example.com'" in page.text
    assert re.search(r"ticket: '[A-Za-z0-9]{32}'", page.text)
    assert re.search(r"csrf_token: '[\w.-]{20,}'", page.text)
    assert "password_policy: 'good'" in page.text
    assert 'password_complexity_options: {"min_length":8}' in page.text
    assert "cdn.auth0.com" not in page.text
    widget = re.search(r'src="([^"]+change-password\.js)"', page.text)
    assert widget is not None
    script = tenant.open(tenant.url + widget[1])
    assert "Auth0ChangePassword" in script.text


def test_inline_scripts_are_allowed_on_this_page_alone(tenant: TenantClient) -> None:
    """By a nonce that changes, on every script of the stored page."""
    store(tenant, PAGE)
    policies = []
    for email in ("ada@example.com", "grace@example.com"):
        page = opens_ticket(tenant, email)
        policy = page.headers["Content-Security-Policy"]
        found = re.search(r"script-src 'self' 'nonce-([^']+)'", policy)
        assert found is not None
        assert page.text.count(f'<script nonce="{found[1]}"') == page.text.count("<script") == 2
        policies.append(found[1])
    assert policies[0] != policies[1]
    assert "nonce" not in tenant.open(tenant.url).headers["Content-Security-Policy"]


def test_a_value_cannot_bring_a_script_along(tenant: TenantClient) -> None:
    """Values are escaped, and the nonce is on the tags of the stored page only."""
    tenant.configure("PATCH", "/tenants/settings", {"friendly_name": "<script>alert(1)</script>"})
    store(tenant, "<html><body>{{ tenant.friendly_name }}{{ email }}</body></html>")
    page = opens_ticket(tenant)
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text


def test_without_script_a_plain_form_stands_in(tenant: TenantClient) -> None:
    """In a noscript element; it leads on to result_url like the other."""
    store(tenant, PAGE)
    page = opens_ticket(tenant)
    plain = page.text[page.text.index("<noscript>") : page.text.index("</noscript>")]
    fields = form_fields(plain) | {"newPassword": GOOD, "confirmNewPassword": GOOD}
    assert query(tenant.post_reset(fields))["success"] == "true"


@pytest.mark.parametrize(("page", "enabled"), [(PAGE, False), ("", True), ("  ", True)])
def test_a_page_switched_off_or_empty_is_not_used(
    tenant: TenantClient, page: str, enabled: bool
) -> None:
    """The tenant's own page is there then."""
    store(tenant, page, enabled=enabled)
    answer = opens_ticket(tenant)
    assert '<label for="new-password">New password</label>' in answer.text


@pytest.mark.parametrize("page", ["{% if %}", "{% for i in (1..100000000) %}x{% endfor %}"])
def test_a_page_that_cannot_be_rendered_says_so(tenant: TenantClient, page: str) -> None:
    """To whoever has stored it; a ticket is not spent by that."""
    store(tenant, page)
    answer = opens_ticket(tenant)
    assert answer.status_code == 500
    assert "cannot be rendered" in answer.text


@contract("0", "a customised password page switches only the reset step to Classic")
def test_it_makes_the_reset_classic_and_leaves_the_login_new(tenant: TenantClient) -> None:
    """The configuration that is recommended for a real tenant."""
    tenant.control("PUT", "/experience", {"experience": "new"})
    store(tenant, PAGE)
    assert tenant.control("GET", "/experience").json() == {"experience": "classic_reset"}
    page = opens_ticket(tenant)
    assert page.url.startswith(f"{tenant.url}/lo/reset?ticket=")
    assert "Auth0ChangePassword" in page.text
