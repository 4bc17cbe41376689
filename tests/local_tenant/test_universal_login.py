"""New Universal Login: the address first, the password then, and its own password pages."""

import re
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.support.person import Person

from .client import CALLBACK, PASSWORD, TenantClient, query
from .contract import contract

GOOD = "Correct-Horse-1"
RESULT_URL = "http://localhost:3000/invite/complete?i=inv_7"


@pytest.fixture
def new(tenant: TenantClient) -> TenantClient:
    """A tenant with New Universal Login alone."""
    assert tenant.control("PUT", "/experience", {"experience": "new"}).ok
    return tenant


def authorize_url(tenant: TenantClient, **more: str) -> str:
    answer = tenant.authorize(prompt="login", **more)
    return tenant.url + answer.headers["Location"]


def opens_ticket(person: Person, ticket: str) -> Person:
    """Open a ticket's link without script: one button more."""
    return person.opens(ticket).presses("Continue")


def chooses(person: Person, password: str, again: str | None = None) -> Person:
    person.types_into("New password", password)
    person.types_into("Re-enter new password", password if again is None else again)
    return person.presses("Reset password")


@contract("3.3", "New Universal Login: interstitial, form, success screen with *Back to App*")
def test_it_works(new: TenantClient) -> None:
    """From the ticket to a code, with nothing but forms."""
    user = new.create_user()
    client_id = new.tenant.environment["AUTH0_CLIENT_ID"]
    ticket = new.create_ticket(user["user_id"], client_id=client_id, mark_email_as_verified=True)
    assert re.fullmatch(re.escape(new.url) + r"/u/reset-verify\?ticket=[A-Za-z0-9]{32}#", ticket)

    with Person() as person:
        chooses(opens_ticket(person, ticket), GOOD)
        assert person.heading == "Password Changed!"
        back = person.sees_link("Back to Acme")
        assert back == f"http://localhost:3000/login?iss={quote(new.url, safe='')}%2F"

        person.opens(authorize_url(new, login_hint="ada@example.com"))
        assert person.path == "/u/login/identifier"
        assert person.sees_in("Email address") == "ada@example.com"
        person.presses("Continue")
        assert person.path == "/u/login/password"
        assert "ada@example.com" in person.text
        answer = person.types(Password=GOOD).sends("Continue")

    assert answer.headers["Location"].startswith(CALLBACK)
    assert "code" in query(answer)
    assert new.user(user["user_id"])["email_verified"] is True


@contract("3.2", "Classic: /lo/reset; New Universal Login: /u/reset-verify; a bare # at the end")
@pytest.mark.parametrize(
    ("experience", "ticket_path", "login_path"),
    [
        ("classic", "/lo/reset", "/login"),
        ("classic_reset", "/lo/reset", "/u/login/identifier"),
        ("new", "/u/reset-verify", "/u/login/identifier"),
    ],
)
def test_an_experience_decides_both_pages(
    tenant: TenantClient, experience: str, ticket_path: str, login_path: str
) -> None:
    """And the control plane says which one is on."""
    answer = tenant.control("PUT", "/experience", {"experience": experience})
    assert answer.json() == {"experience": experience}
    assert tenant.control("GET", "/experience").json() == {"experience": experience}

    ticket = tenant.create_ticket(tenant.create_user()["user_id"])

    assert urlsplit(ticket).path == ticket_path
    assert ticket.endswith("#")
    assert urlsplit(tenant.authorize().headers["Location"]).path == login_path


def test_an_experience_nobody_knows_is_refused(tenant: TenantClient) -> None:
    """The sentence names the three."""
    answer = tenant.control("PUT", "/experience", {"experience": "modern"})
    assert answer.status_code == 400
    assert "classic, classic_reset, new" in answer.json()["error"]


@contract("3.2", "New Universal Login accepts a `result_url` and takes no notice of it")
def test_a_result_url_is_accepted_and_then_ignored(new: TenantClient) -> None:
    """No redirect, and no button either: nothing names a default login route."""
    user = new.create_user()
    ticket = new.create_ticket(user["user_id"], result_url=RESULT_URL)
    with Person() as person:
        chooses(opens_ticket(person, ticket), GOOD)
        assert person.heading == "Password Changed!"
        assert not person.soup.select("main a")


@contract(
    "4.1", "the button leads to the tenant's default_redirection_uri where no client is named"
)
def test_the_tenants_default_route_comes_second(new: TenantClient) -> None:
    """A ticket without client_id leads there, with the issuer."""
    user = new.create_user()
    route = "https://app.example/login?from=tenant"
    new.configure("PATCH", "/tenants/settings", {"default_redirection_uri": route})
    with Person() as person:
        chooses(opens_ticket(person, new.create_ticket(user["user_id"])), GOOD)
        link = person.sees_link("Back to Acme")
    assert parse_qs(urlsplit(link).query) == {"from": ["tenant"], "iss": [f"{new.url}/"]}


@contract("3.3", "GET spends nothing: the interstitial posts itself")
def test_looking_spends_nothing(new: TenantClient) -> None:
    """However often; and what a mail scanner sees says nothing about the ticket."""
    user = new.create_user()
    ticket = new.create_ticket(user["user_id"])
    for _ in range(3):
        page = new.open(ticket)
        assert page.status_code == 200
        assert "Loading…" in page.text
        assert "Javascript is not enabled on your browser" in page.text
        assert "ada@example.com" not in page.text
    with Person() as person:
        assert opens_ticket(person, ticket).heading == "Change Your Password"


@contract("3.4", "New Universal Login's own screens for expired, used and other dead links")
@pytest.mark.parametrize(
    ("end", "title", "text"),
    [
        ("expired", "Link Expired", 'return to the login page and select "Forgot Your Password"'),
        ("used", "Invalid Link", "This link has already been used."),
        ("unknown", "Please Try Again", "Something went wrong."),
    ],
)
def test_a_dead_link_ends_at_the_tenant(new: TenantClient, end: str, title: str, text: str) -> None:
    """The application is not told, even where the ticket has a result_url."""
    user = new.create_user()
    ticket = new.create_ticket(user["user_id"], ttl_sec=60, result_url=RESULT_URL)
    if end == "expired":
        new.control("POST", "/clock/advance", {"seconds": 61})
    elif end == "used":
        with Person() as person:
            chooses(opens_ticket(person, ticket), GOOD)
    else:
        ticket = f"{new.url}/u/reset-verify?ticket=nope#"
    with Person() as person:
        opens_ticket(person, ticket)
        assert person.heading == title
        assert text in person.text
        assert person.response.status_code == 400


def test_a_ticket_that_dies_under_the_form_is_not_spent(new: TenantClient) -> None:
    """The form was open for too long."""
    user = new.create_user()
    with Person() as person:
        opens_ticket(person, new.create_ticket(user["user_id"], ttl_sec=60))
        new.control("POST", "/clock/advance", {"seconds": 61})
        chooses(person, GOOD)
        assert person.heading == "Link Expired"
    assert "last_password_reset" not in new.user(user["user_id"])


def test_a_weak_password_and_two_different_ones_keep_the_page(new: TenantClient) -> None:
    """Said in words; the ticket is good for another try."""
    user = new.create_user()
    with Person() as person:
        opens_ticket(person, new.create_ticket(user["user_id"]))
        chooses(person, "onlylowercase")
        assert "Password is too weak" in person.text
        chooses(person, GOOD, "Another-Horse-2")
        assert "The two passwords are not the same." in person.text
        assert chooses(person, GOOD).heading == "Password Changed!"


def test_a_sealed_state_of_ones_own_making_opens_nothing(new: TenantClient) -> None:
    """The form knows its ticket by a signature."""
    answer = new.open(f"{new.url}/u/reset-password/change?state=made-up")
    assert answer.status_code == 400
    assert "Please Try Again" in answer.text


@contract("6.2", "custom texts replace those of the prompt reset-password, by language")
def test_custom_texts_take_the_place_of_auth0s(new: TenantClient) -> None:
    """As text, whatever they hold; a name in `${…}` is filled in."""
    texts = {
        "reset-password": {"title": "Choose a <b>password</b>", "buttonText": "Set it"},
        "reset-password-success": {"buttonText": "On to ${clientName}"},
        "reset-password-error": {"descriptionUsed": "Ask us for a new invitation."},
    }
    new.configure("PUT", "/prompts/reset-password/custom-text/en", texts)
    user = new.create_user()
    client_id = new.tenant.environment["AUTH0_CLIENT_ID"]
    ticket = new.create_ticket(user["user_id"], client_id=client_id)
    with Person() as person:
        opens_ticket(person, ticket)
        assert person.heading == "Choose a <b>password</b>"
        person.types_into("New password", GOOD).types_into("Re-enter new password", GOOD)
        person.presses("Set it")
        assert person.sees_link("On to Acme")
        opens_ticket(person, ticket)
        assert person.heading == "Invalid Link"
        assert "Ask us for a new invitation." in person.text


@contract("6.2", "custom texts are chosen by the reader's language among `enabled_locales`")
def test_custom_texts_follow_the_readers_language(new: TenantClient) -> None:
    """And the page says which language it is in."""
    new.configure("PATCH", "/tenants/settings", {"enabled_locales": ["en", "fr"]})
    texts = {"reset-password": {"title": "Choisissez un mot de passe"}}
    new.configure("PUT", "/prompts/reset-password/custom-text/fr", texts)
    user = new.create_user()
    found = []
    for wanted in ("fr-CA,fr;q=0.9", "de"):
        with Person() as person:
            person.browser.headers["Accept-Language"] = wanted
            opens_ticket(person, new.create_ticket(user["user_id"]))
            found.append((person.heading, person.soup.html and person.soup.html["lang"]))
    assert found == [("Choisissez un mot de passe", "fr"), ("Change Your Password", "en")]


@pytest.mark.parametrize(
    "path",
    [
        "reset-verify",
        "reset-password/change",
        "reset-password/request",
        "login/identifier",
        "login/password",
    ],
)
def test_a_form_without_its_token_does_nothing(new: TenantClient, path: str) -> None:
    """Every form of these pages was sent by a page this browser got from here."""
    user = new.create_user(password=PASSWORD)
    login = query(new.authorize(prompt="login"))["state"]
    fields = {
        "ticket": new.create_ticket(user["user_id"]).partition("ticket=")[2].strip("#"),
        "state": login,
        "username": "ada@example.com",
        "email": "ada@example.com",
        "password": PASSWORD,
    }
    answer = new.browser.post(f"{new.url}/u/{path}", data=fields, allow_redirects=False, timeout=10)
    assert answer.status_code in (400, 403)
    assert new.messages()["total"] == 0


def test_the_address_can_be_changed_on_the_password_page(new: TenantClient) -> None:
    """*Edit* leads back to the first page, with the address filled in."""
    new.create_user()
    with Person() as person:
        person.opens(authorize_url(new)).types(Email_address="grace@example.com")
        person.presses("Continue").presses("Edit")
        assert person.sees_in("Email address") == "grace@example.com"


def test_a_wrong_password_stays_on_the_page(new: TenantClient) -> None:
    """With Auth0's sentence, for an unknown address too."""
    new.create_user()
    for email in ("ada@example.com", "nobody@example.com"):
        with Person() as person:
            person.opens(authorize_url(new)).types(Email_address=email).presses("Continue")
            person.types(Password="Wrong-Horse-1").presses("Continue")
            assert "Wrong email or password" in person.text
            assert email in person.text


@contract("7.2", "prompt=login shows the form though a session is there; without it none is asked")
def test_prompts_are_honoured(new: TenantClient) -> None:
    """The same sessions as in Classic."""
    new.create_user(password=PASSWORD)
    page = new.open(authorize_url(new, login_hint="ada@example.com"))
    assert "ada@example.com" in page.text
    assert query(new.authorize(prompt="none"))["error"] == "login_required"

    with Person() as person:
        person.opens(authorize_url(new, login_hint="ada@example.com")).presses("Continue")
        assert "code" in query(person.types(Password=PASSWORD).sends("Continue"))
        new.browser.cookies.update(person.cookies)

    assert "code" in query(new.authorize())
    assert new.authorize(prompt="login").headers["Location"].startswith("/u/login/identifier")


@contract("7.2", "a used or expired page of a login leads to where the application begins one")
def test_a_login_that_is_over_begins_again_at_the_application(new: TenantClient) -> None:
    """By its `initiate_login_uri` with `iss`, as the Back button meets it."""
    new.create_user(password=PASSWORD)
    with Person() as person:
        person.opens(authorize_url(new, login_hint="ada@example.com")).presses("Continue")
        used = person.url
        person.types(Password=PASSWORD).sends("Continue")
        again = person.peeks(used)
    assert again.status_code == 302
    assert query(again) == {"iss": f"{new.url}/"}
    assert urlsplit(again.headers["Location"]).path == "/login"


def test_a_login_that_is_not_known_says_so(new: TenantClient) -> None:
    """A bookmarked page of a login is a page, never an error."""
    for path in ("identifier", "password"):
        answer = new.open(f"{new.url}/u/login/{path}?state=nope")
        assert answer.status_code == 400
        assert "Start again" in answer.text


def test_the_admin_signs_in_with_one_click(new: TenantClient) -> None:
    """A plain form, on the page of the address as well."""
    with Person() as person:
        person.opens(authorize_url(new))
        answer = person.sends("Sign in as admin@example.com")
    assert "code" in query(answer)
