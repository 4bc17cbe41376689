"""The Classic password page: what spends a ticket, what does not, and where people land."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from .client import TenantClient, form_fields, query
from .contract import contract

RESULT_URL = "http://localhost:3000/invite/complete?i=inv_7"
GOOD = "Correct-Horse-1"


def ticket_for(tenant: TenantClient, **more: object) -> tuple[str, str]:
    user = tenant.create_user("ada+team@example.com")
    ticket = tenant.create_ticket(user["user_id"], **{"result_url": RESULT_URL, **more})
    return user["user_id"], ticket


@contract("§4", "success: `success`, `message`, `email` on request, beside our own query")
def test_it_works(tenant: TenantClient) -> None:
    """The form is filled in, the password counts, and the site hears of it."""
    user_id, ticket = ticket_for(tenant, mark_email_as_verified=True, includeEmailInRedirect=True)

    answer = tenant.set_password(ticket + "type=invite&app=Acme", GOOD)

    assert answer.status_code == 303
    assert answer.headers["Location"] == (
        RESULT_URL + "&email=ada%2Bteam%40example.com&success=true"
        "&message=You%20can%20now%20login%20to%20the%20application%20with%20the%20new%20password."
    )
    user = tenant.user(user_id)
    assert user["email_verified"] is True
    assert "last_password_reset" in user
    assert "logins_count" not in user
    assert "code" in query(tenant.log_in("ada+team@example.com", GOOD))


@contract("§3.3", "POST /lo/reset by script: 200 with `result_url`")
def test_a_script_gets_the_address_as_json(tenant: TenantClient) -> None:
    """The page's own script leaves for `result_url` by itself."""
    _, ticket = ticket_for(tenant)

    answer = tenant.set_password(ticket, GOOD, script=True)

    assert answer.status_code == 200
    assert answer.json()["result_url"].startswith(RESULT_URL + "&success=true&message=")


def test_the_page_has_what_people_and_password_managers_look_for(tenant: TenantClient) -> None:
    """Labels, button, the address for the password manager, and nothing inline."""
    _, ticket = ticket_for(tenant)

    answer = tenant.open(ticket)

    for wanted in (
        '<label for="new-password">New password</label>',
        '<label for="confirm-password">Re-enter new password</label>',
        ">Reset password</button>",
        'autocomplete="new-password"',
        'autocomplete="username"',
    ):
        assert wanted in answer.text
    assert "<script>" not in answer.text
    assert "style=" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http://localhost:3000" in policy


@pytest.mark.parametrize("host", ["x;script-src", "b\u00fccher.example", "\u4f8b\u3048.example"])
def test_an_odd_result_url_does_not_change_the_pages_policy(
    tenant: TenantClient, host: str
) -> None:
    """The page is there, and its headers say what they always say."""
    user = tenant.create_user()
    answer = tenant.open(tenant.create_ticket(user["user_id"], result_url=f"http://{host}/x"))
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert policy.count("script-src") == 1
    assert policy.isascii()


@contract("§3.3", "GET does not consume a ticket")
def test_looking_spends_nothing(tenant: TenantClient) -> None:
    """A mail scanner may GET and HEAD as often as it likes."""
    user_id, ticket = ticket_for(tenant)
    for _ in range(3):
        assert tenant.open(ticket).status_code == 200
        assert requests.head(ticket, timeout=10).status_code == 200

    assert "last_password_reset" not in tenant.user(user_id)
    assert tenant.set_password(ticket, GOOD).status_code == 303


@contract("§3.4", "used, Classic: `success=false`, `This URL can be used only once`")
def test_a_used_ticket_sends_people_back_with_a_refusal(tenant: TenantClient) -> None:
    """Once means once."""
    _, ticket = ticket_for(tenant, includeEmailInRedirect=True)
    tenant.set_password(ticket, GOOD)

    answer = tenant.open(ticket)

    assert answer.status_code == 302
    assert query(answer) == {
        "i": "inv_7",
        "email": "ada+team@example.com",
        "success": "false",
        "message": "This URL can be used only once",
    }


@contract("§3.4", "expired, Classic: `success=false`, `Access expired.`")
def test_an_expired_ticket_sends_people_back_with_a_refusal(tenant: TenantClient) -> None:
    """Also when the form was already open."""
    _, ticket = ticket_for(tenant, ttl_sec=60)
    fields = form_fields(tenant.open(ticket).text)
    tenant.control("POST", "/clock/advance", {"seconds": 61})

    for answer in (
        tenant.open(ticket),
        tenant.post_reset({**fields, "newPassword": GOOD, "confirmNewPassword": GOOD}),
    ):
        assert query(answer) == {"i": "inv_7", "success": "false", "message": "Access expired."}


@contract("§3.3", "only the newest ticket of a user works")
def test_a_newer_ticket_ends_the_older_one(tenant: TenantClient) -> None:
    """One live ticket per user; the older one counts as used."""
    user_id, older = ticket_for(tenant)
    newer = tenant.create_ticket(user_id)

    assert query(tenant.open(older))["message"] == "This URL can be used only once"
    assert tenant.open(newer).status_code == 200


@contract("§3.4", "dead ticket without a result URL: the tenant's own page")
@pytest.mark.parametrize("end", ["used", "expired"])
def test_a_dead_ticket_without_result_url_gets_a_page_with_a_way_on(
    tenant: TenantClient, end: str
) -> None:
    """The tenant's own page; nobody is left at a dead end."""
    user = tenant.create_user()
    ticket = tenant.create_ticket(user["user_id"], ttl_sec=60)
    if end == "used":
        assert "has been reset" in tenant.set_password(ticket, GOOD).text
    else:
        tenant.control("POST", "/clock/advance", {"seconds": 61})

    answer = tenant.open(ticket)

    assert answer.status_code == 400
    assert f"This link has {'been used' if end == 'used' else 'expired'}" in answer.text
    assert 'href="http://localhost:3000/login?iss=' in answer.text


def test_an_unknown_ticket_gets_a_page_with_a_way_on(tenant: TenantClient) -> None:
    """Also the address without a ticket at all."""
    for url in (f"{tenant.url}/lo/reset?ticket=nope", f"{tenant.url}/lo/reset"):
        answer = tenant.open(url)
        assert answer.status_code == 404
        assert 'href="http://localhost:3000/login?iss=' in answer.text


@pytest.mark.parametrize("weak", ["Sh0rt!", "onlylowercase", "lower4711", ""])
def test_a_weak_password_keeps_the_page(tenant: TenantClient, weak: str) -> None:
    """Said in words, and the ticket is not spent."""
    _, ticket = ticket_for(tenant)

    answer = tenant.set_password(ticket, weak)

    assert answer.status_code == 200
    assert "Password is too weak" in answer.text
    assert tenant.set_password(ticket, GOOD).status_code == 303


@contract("§3.3", "weak password: 400 `PasswordStrengthError` with rules and policy")
def test_a_script_is_told_why_a_password_is_weak(tenant: TenantClient) -> None:
    """The body of Auth0's Classic page."""
    _, ticket = ticket_for(tenant)

    answer = tenant.set_password(ticket, "onlylowercase", script=True)
    body = answer.json()

    assert answer.status_code == 400
    assert (body["name"], body["code"]) == ("PasswordStrengthError", "invalid_password")
    assert [rule["verified"] for rule in body["description"]["rules"]] == [True, False]


def test_two_different_passwords_keep_the_page(tenant: TenantClient) -> None:
    """And the ticket is not spent."""
    _, ticket = ticket_for(tenant)

    answer = tenant.set_password(ticket, GOOD, "Another-Horse-2")

    assert answer.status_code == 200
    assert "The two passwords are not the same." in answer.text
    assert tenant.set_password(ticket, GOOD, "Another-Horse-2", script=True).status_code == 500
    assert tenant.set_password(ticket, GOOD).status_code == 303


@contract("§3.3", "wrong form token: 403 `invalid_csrf_token`")
def test_a_form_from_elsewhere_is_refused(tenant: TenantClient) -> None:
    """Without the token of this browser nothing happens."""
    _, ticket = ticket_for(tenant)
    fields = form_fields(tenant.open(ticket).text)
    fields |= {"newPassword": GOOD, "confirmNewPassword": GOOD}

    assert tenant.post_reset({**fields, "_csrf": "forged"}).status_code == 403
    told = tenant.post_reset({**fields, "_csrf": "forged"}, script=True).json()
    assert (told["name"], told["code"]) == ("CsrfInvalidTokenError", "invalid_csrf_token")
    assert tenant.post_reset(fields).status_code == 303


@contract("§3.3", "a ticket is spent once")
def test_of_two_at_the_same_moment_one_wins(tenant: TenantClient) -> None:
    """Ten posts with ten passwords: one is told it worked, and its password is the one."""
    _, ticket = ticket_for(tenant)
    fields = form_fields(tenant.open(ticket).text)
    cookies = tenant.browser.cookies.get_dict()

    def post(number: int) -> tuple[int, str]:
        password = f"Correct-Horse-{number}"
        answer = requests.post(
            f"{tenant.url}/lo/reset",
            data={**fields, "newPassword": password, "confirmNewPassword": password},
            cookies=cookies,
            allow_redirects=False,
            timeout=10,
        )
        return number, query(answer)["success"]

    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(post, range(10)))

    winners = [number for number, success in results if success == "true"]
    assert len(winners) == 1
    assert "code" in query(tenant.log_in("ada+team@example.com", f"Correct-Horse-{winners[0]}"))


@contract("§3.3", "a password chosen with a ticket ends the user's sessions")
def test_a_new_password_ends_the_sessions_of_the_user(tenant: TenantClient) -> None:
    """Whoever was signed in at the tenant has to sign in again."""
    user = tenant.create_user("ada@example.com", password="Before-4711!")
    tenant.log_in("ada@example.com", "Before-4711!")
    assert "code" in query(tenant.authorize())

    tenant.set_password(tenant.create_ticket(user["user_id"]), GOOD)

    assert urlsplit(tenant.authorize().headers["Location"]).path == "/login"


@contract("§4", "an existing query and fragment of `result_url` stay, the fragment last")
def test_a_fragment_in_the_result_url_stays_at_its_end(tenant: TenantClient) -> None:
    """Auth0 adds its parameters to the query, before a fragment."""
    _, ticket = ticket_for(tenant, result_url="http://localhost:3000/#/done")

    location = tenant.set_password(ticket, GOOD).headers["Location"]

    assert location.startswith("http://localhost:3000/?success=true&message=")
    assert location.endswith("#/done")


def test_tickets_are_not_in_the_database(
    tenant: TenantClient, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The file holds a hash: whoever reads it cannot use a ticket."""
    _, ticket = ticket_for(tenant)
    code = ticket.split("ticket=")[1].rstrip("#").encode()
    assert tenant.state()["issued"]["tickets"][-1].encode() == code

    files = list(tmp_path_factory.getbasetemp().glob("tenant*/tenant.db*"))

    assert files
    assert not any(code in file.read_bytes() for file in files)
