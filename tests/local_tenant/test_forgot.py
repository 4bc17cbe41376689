"""`/dbconnections/change_password`: one answer for everybody, and the mail some of them get."""

import json
import re
import subprocess
import sys
from html import unescape
from typing import Any

import pytest
import requests

from tests.support.person import Person

from .client import CONNECTION, TenantClient, query
from .contract import contract

ANSWER = "We've just sent you an email to reset your password."
GOOD = "Correct-Horse-1"
RESULT_URL = "https://app.example/invite/complete?app={{ application.name }}"
TEMPLATE = {
    "template": "reset_email",
    "syntax": "liquid",
    "enabled": True,
    "from": "{{ friendly_name }} <hello@acme.test>",
    "subject": "{% if user.app_metadata.invitedToMyApp == true %}You are invited to"
    " {{ application.name }}{% else %}Reset your password{% endif %}",
    "body": "<p>Dear {{ user.given_name | default: user.email }}</p>"
    '<p><a href="{{ url }}">Choose a password</a></p>'
    "<p>{{ user.user_metadata.lang }} {{ connection.name }} {{ tenant }} {{ request_language }}</p>",
}


@pytest.fixture
def custom(tenant: TenantClient) -> TenantClient:
    """A tenant with a provider and a template of its own."""
    credentials = {
        "smtp_host": "localhost",
        "smtp_port": tenant.tenant.smtp_port,
        "smtp_user": "u",
        "smtp_pass": "p",
    }
    provider = {
        "name": "smtp",
        "enabled": True,
        "default_from_address": "default@acme.test",
        "credentials": credentials,
    }
    tenant.configure("POST", "/emails/provider", provider)
    set_template(tenant)
    return tenant


def set_template(tenant: TenantClient, **changes: Any) -> None:
    tenant.configure("PUT", "/email-templates/reset_email", {**TEMPLATE, **changes})


def ask(tenant: TenantClient, **changes: Any) -> requests.Response:
    body = {
        "client_id": tenant.tenant.environment["AUTH0_CLIENT_ID"],
        "email": "ada@example.com",
        "connection": CONNECTION,
    }
    sent = {key: value for key, value in {**body, **changes}.items() if value is not None}
    return requests.post(f"{tenant.url}/dbconnections/change_password", json=sent, timeout=10)


def mails(tenant: TenantClient) -> list[dict[str, Any]]:
    box = f"{tenant.tenant.mailbox_url}/api/v1"
    ids = [each["ID"] for each in tenant.messages()["messages"]]
    return [requests.get(f"{box}/message/{each}", timeout=10).json() for each in ids]


def link_in(mail: dict[str, Any]) -> str:
    found = re.search(r'href="([^"]+)"', mail["HTML"])
    assert found is not None
    return found[1]


def log_types(tenant: TenantClient) -> list[str]:
    entries = tenant.configure("GET", "/logs?per_page=100").json()
    return [each["type"] for each in entries]


@contract("5.1", "200 in plain words as text/html; the link mail goes to an existing user")
def test_it_works(tenant: TenantClient) -> None:
    """Without a provider it is the stock mail, and its link sets a password."""
    tenant.create_user("ada@example.com")

    answer = ask(tenant)

    assert answer.status_code == 200
    assert answer.text == ANSWER
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    (mail,) = mails(tenant)
    assert mail["From"]["Address"] == "no-reply@auth0user.net"
    assert [each["Address"] for each in mail["To"]] == ["ada@example.com"]
    link = link_in(mail)
    assert link.startswith(f"{tenant.url}/lo/reset?ticket=")
    assert link.endswith("#")
    assert link in mail["Text"]
    assert "has been reset" in tenant.set_password(link, GOOD).text
    assert "code" in query(tenant.log_in("ada@example.com", GOOD))
    assert {"scpr", "scp", "s"} <= set(log_types(tenant))


@contract("5.1", "the same answer for an address that nobody has; log fcpr")
def test_nobody_learns_who_has_an_account(tenant: TenantClient) -> None:
    """Same status, body and headers; no mail; the log knows."""
    tenant.create_user("ada@example.com")
    known, unknown = ask(tenant), ask(tenant, email="nobody@example.com")

    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    assert set(known.headers) == set(unknown.headers)
    assert len(mails(tenant)) == 1
    (entry,) = tenant.configure("GET", "/logs?q=type%3A%22fcpr%22").json()
    assert entry["description"] == "User does not exist."


@contract("5.1", "JSON and form bodies; client_id may be left out")
def test_a_form_and_capitals_do_as_well(tenant: TenantClient) -> None:
    """The address is compared in lower case."""
    tenant.create_user("ada@example.com")
    form = {"email": "Ada@Example.com", "connection": CONNECTION}
    answer = requests.post(f"{tenant.url}/dbconnections/change_password", data=form, timeout=10)
    assert answer.text == ANSWER
    assert len(mails(tenant)) == 1


@contract("5.1", "400 for what is missing (texts ours)")
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"email": None}, "email is required"),
        ({"email": 7}, "email is required"),
        ({"connection": None}, "connection is required"),
        ({"connection": "nope"}, "connection does not exist"),
        ({"client_id": "nope"}, "client_id is unknown"),
    ],
)
def test_what_is_missing_is_a_400(tenant: TenantClient, changes: dict[str, Any], told: str) -> None:
    """And nothing is sent."""
    tenant.create_user()
    answer = ask(tenant, **changes)
    assert answer.status_code == 400
    assert answer.json() == {"error": told}
    assert mails(tenant) == []


def test_a_body_that_is_no_object_is_a_400(tenant: TenantClient) -> None:
    """Whatever it is."""
    for body in ("[]", "7", "not json", ""):
        answer = requests.post(
            f"{tenant.url}/dbconnections/change_password",
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=10,
        )
        assert answer.status_code == 400


@contract("5.3", "the stored template with Auth0's variables, from and subject too")
@pytest.mark.parametrize(
    ("metadata", "subject"),
    [
        ({"invitedToMyApp": True}, "You are invited to Acme"),
        ({"invitedToMyApp": "true"}, "Reset your password"),
        ({}, "Reset your password"),
    ],
)
def test_the_template_tells_an_invitation_from_a_reset(
    custom: TenantClient, metadata: dict[str, Any], subject: str
) -> None:
    """By `app_metadata.invitedToMyApp == true`, a boolean and nothing like it."""
    custom.create_user(given_name="Ada & <Co>", app_metadata=metadata, user_metadata={"lang": "fr"})
    ask(custom)

    (mail,) = mails(custom)
    assert mail["Subject"] == subject
    assert mail["From"] == {"Name": "Acme", "Address": "hello@acme.test"}
    assert "Dear Ada &amp; &lt;Co&gt;" in mail["HTML"]
    assert f"fr {CONNECTION} localhost en" in mail["HTML"]
    assert custom.open(link_in(mail)).status_code == 200


@contract("5.2", "resultUrl, urlLifetimeInSeconds and includeEmailInRedirect of the template count")
def test_the_templates_way_back_and_life_are_the_tickets(custom: TenantClient) -> None:
    """The name of the application is percent-encoded; the link dies in time."""
    set_template(custom, resultUrl=RESULT_URL, urlLifetimeInSeconds=600)
    custom.create_user()
    ask(custom)
    back = query(custom.set_password(link_in(mails(custom)[0]), GOOD))
    assert back["app"] == "Acme"
    assert back["email"] == "ada@example.com"
    assert back["success"] == "true"

    set_template(
        custom, resultUrl=RESULT_URL, urlLifetimeInSeconds=600, includeEmailInRedirect=False
    )
    ask(custom)
    custom.control("POST", "/clock/advance", {"seconds": 601})
    dead = query(custom.open(link_in(mails(custom)[0])))
    assert dead["message"] == "Access expired."
    assert "email" not in dead


@contract("4.1", "New Universal Login ignores the template's resultUrl; the button needs client_id")
def test_the_new_experience_decides_the_link(custom: TenantClient) -> None:
    """And leads to the login of the application that asked."""
    set_template(custom, resultUrl=RESULT_URL)
    custom.control("PUT", "/experience", {"experience": "new"})
    custom.create_user()
    ask(custom)
    link = link_in(mails(custom)[0])
    assert link.startswith(f"{custom.url}/u/reset-verify?ticket=")
    with Person() as person:
        person.opens(link).presses("Continue")
        person.types_into("New password", GOOD).types_into("Re-enter new password", GOOD)
        person.presses("Reset password")
        assert person.sees_link("Back to Acme").startswith("http://localhost:3000/login?iss=")


@contract("5.2", "without a provider, or with a sender at auth0.com, customisation is off")
@pytest.mark.parametrize("why", ["no provider", "auth0.com"])
def test_a_template_is_not_always_used(custom: TenantClient, why: str) -> None:
    """The stock mail goes out then."""
    if why == "no provider":
        custom.configure("DELETE", "/emails/provider")
    else:
        set_template(custom, **{"from": "hello@auth0.com"})
    custom.create_user(app_metadata={"invitedToMyApp": True})
    ask(custom)
    assert mails(custom)[0]["Subject"] == "Reset your password"


@contract("5.2", "a template that is switched off sends no mail, not the stock mail either")
def test_a_mail_that_is_switched_off_is_not_sent(custom: TenantClient) -> None:
    """The answer to who asks is the same."""
    set_template(custom, enabled=False)
    custom.create_user()
    ask(custom)
    assert mails(custom) == []


@pytest.mark.parametrize(
    "body",
    [
        "{% for i in (1..100000000) %}x{% endfor %}",
        "{% assign a = 'xxxxxxxxxxxxxxxx' %}{% for i in (1..100) %}{% assign a = a | append: a %}{% endfor %}",
        "{{ 1 | divided_by: 0 }}",
    ],
)
@contract("9", "fn: a mail that could not be sent")
def test_a_template_that_cannot_be_rendered_is_logged(custom: TenantClient, body: str) -> None:
    """The answer stays the same, and comes soon."""
    set_template(custom, body=body)
    custom.create_user()
    assert ask(custom).text == ANSWER
    assert mails(custom) == []
    (entry,) = custom.configure("GET", "/logs?q=type%3A%22fn%22").json()
    assert entry["details"]["to"] == "ada@example.com"


@contract("5.3", "`{% debug %}` shows what a template may use")
def test_a_template_can_show_its_variables(custom: TenantClient) -> None:
    """As JSON, escaped like every value."""
    set_template(custom, body="{% debug %}")
    custom.create_user(app_metadata={"team": "<b>blue</b>"})
    ask(custom)
    shown = json.loads(unescape(re.sub(r"</?pre>", "", mails(custom)[0]["HTML"])))
    assert shown["user"]["app_metadata"] == {"team": "<b>blue</b>"}
    assert shown["application"]["name"] == "Acme"
    assert shown["url"].startswith(f"{custom.url}/lo/reset?ticket=")


def test_the_start_does_not_wait_for_liquid() -> None:
    """The library takes a fifth of a second to import: the first template pays, not the start."""
    asked = "import sys, invite_site.local_tenant.app; sys.exit('liquid' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked]).returncode == 0


def test_a_mail_server_that_refuses_is_logged(custom: TenantClient) -> None:
    """The person is told nothing of it, as at Auth0."""
    custom.control("POST", "/faults", {"route": "SMTP", "kind": "status", "status": 554})
    custom.create_user()
    assert ask(custom).text == ANSWER
    assert "fn" in log_types(custom)


def test_the_newest_mail_has_the_only_live_link(tenant: TenantClient) -> None:
    """Asking twice ends the first link."""
    tenant.create_user()
    ask(tenant)
    ask(tenant)
    newest, older = (link_in(mail) for mail in mails(tenant))
    assert "This link has been used" in tenant.open(older).text
    assert tenant.open(newest).status_code == 200


@pytest.mark.parametrize("experience", ["classic", "new"])
def test_people_can_ask_on_the_login_page(tenant: TenantClient, experience: str) -> None:
    """*Forgot password?* leads to a form and back, and says the same to everybody."""
    tenant.control("PUT", "/experience", {"experience": experience})
    tenant.create_user()
    pages = []
    for email in ("ada@example.com", "nobody@example.com"):
        with Person() as person:
            address = tenant.authorize(prompt="login", login_hint=email).headers["Location"]
            person.opens(tenant.url + address)
            if experience == "new":
                person.presses("Continue")
            person.presses("Forgot password?")
            assert person.sees_in("Email address") == email
            person.presses("Continue")
            assert person.heading == "Check Your Email"
            pages.append(person.text.replace(email, ""))
            person.presses("Back to login")
            assert person.sees_in("Email address") == email
    assert pages[0] == pages[1]
    assert len(mails(tenant)) == 1
