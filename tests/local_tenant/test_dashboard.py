"""The dashboard: what it shows, and its switches as forms, for this machine's owner alone."""

import smtplib
from pathlib import Path

import pytest
import requests

from invite_site.local_tenant import TenantConfig, serve
from tests.support.person import Person

from .client import TenantClient, query

GOOD = "Correct-Horse-1"


def opens_dashboard(person: Person, tenant: TenantClient) -> Person:
    return person.opens(tenant.url).presses("Dashboard")


def chooses(person: Person, tenant: TenantClient, button: str, **fields: str) -> Person:
    """Send the form of that button with these fields, as a browser's select would."""
    method, action, filled = opens_dashboard(person, tenant).form(button)
    assert method == "POST"
    person.shows(person.browser.post(action, data=filled | fields, timeout=10))
    return person


def test_it_works(tenant: TenantClient) -> None:
    """People, tickets by state, the log, mail and requests stand on one page."""
    user = tenant.create_user(app_metadata={"invitedToMyApp": True})
    ticket = tenant.create_ticket(user["user_id"], mark_email_as_verified=True)
    tenant.set_password(ticket, GOOD)
    tenant.create_ticket(user["user_id"])
    tenant.create_ticket(user["user_id"])
    tenant.send_mail("A subject")
    with Person() as person:
        text = opens_dashboard(person, tenant).text
    for wanted in (
        "ada@example.com verified password set invited",
        "1 live, 1 used, 1 superseded, 0 expired",
        "Success Change Password scp",
        "A subject",
        "POST /api/v2/tickets/password-change 201",
    ):
        assert wanted in text
    assert ticket.partition("ticket=")[2].strip("#") not in text


def test_the_experience_is_switched(tenant: TenantClient) -> None:
    """The page says so, and the next ticket shows it."""
    user = tenant.create_user()
    with Person() as person:
        chooses(person, tenant, "Switch experience", experience="new")
        assert "People now meet: New Universal Login." in person.text
        chosen = person.soup.select_one("#experience option[selected]")
        assert chosen is not None
        assert chosen["value"] == "new"
    assert "/u/reset-verify?" in tenant.create_ticket(user["user_id"])


def test_the_plan_is_switched(tenant: TenantClient) -> None:
    """With the rate limits of that plan."""
    with Person() as person:
        chooses(person, tenant, "Switch plan", plan="free")
        assert "those of the plan: free" in person.text
        chooses(person, tenant, "Switch plan", plan="nope")
        assert "Nothing changed" in person.text
    assert tenant.control("GET", "/plan").json()["plan"] == "free"


def test_the_clock_is_moved(tenant: TenantClient) -> None:
    """Ahead in leaps, and back to now."""
    with Person() as person:
        chooses(person, tenant, "Five days ahead", leap="Five days ahead")
        chooses(person, tenant, "An hour ahead", leap="An hour ahead")
        assert tenant.control("GET", "/clock").json()["offset"] == 5 * 86_400 + 3600
        assert "ahead by 5 days, 1:00:00" in person.text
        person.presses("Back to now")
    assert tenant.control("GET", "/clock").json()["offset"] == 0


def test_a_fault_is_ordered_and_called_off(tenant: TenantClient) -> None:
    """The next calls meet it."""
    with Person() as person:
        fault = "Management API: not available (503)"
        chooses(person, tenant, "Order fault", fault=fault, times="2")
        assert "* /api/v2: status 503, 2 to come" in person.text
        assert tenant.api("GET", "/users").status_code == 503
        chooses(person, tenant, "Call all off", clear="1")
        assert "None is to come." in person.text
    assert tenant.api("GET", "/users").status_code == 200


def test_trouble_for_a_demo_has_a_name_and_an_end(tenant: TenantClient) -> None:
    """One button each, for a minute of the machine's time; another ends all of it."""

    def status() -> int:
        return requests.get(f"{tenant.url}/api/v2/users", timeout=10).status_code

    with Person() as person:
        chooses(person, tenant, "Tenant away for a minute", trouble="Tenant away for a minute")
        assert "From now on: Tenant away for a minute." in person.text
        card = person.soup.find("section", {"aria-labelledby": "trouble-heading"})
        assert card is not None
        assert card.li is not None
        assert card.li.text == "Tenant away for a minute"
        assert "* /api/v2: status 503, for a minute" in person.text
        assert status() == 503
        person.presses("End all of it")
        assert "Everything works again." in person.text
    assert status() == 401
    order = {"route": "GET /api/v2/users", "kind": "status", "status": 503, "lasts": 0}
    tenant.control("POST", "/faults", order)
    assert status() == 401


def test_a_mail_server_that_is_away_takes_nothing_by_a_connection_that_is_open(
    tenant: TenantClient,
) -> None:
    """Programs keep connections, as the site does: what is sent within the minute waits for its end."""
    with smtplib.SMTP("localhost", tenant.tenant.smtp_port, timeout=10) as kept, Person() as person:
        kept.sendmail("a@example.com", "b@example.com", "Subject: before\n\n")
        away = "Mail server away for a minute"
        chooses(person, tenant, away, trouble=away)
        assert "SMTP at connect: status 421, for a minute" in person.text
        with pytest.raises(smtplib.SMTPException, match="421"):
            kept.sendmail("a@example.com", "b@example.com", "Subject: meanwhile\n\n")
        with pytest.raises(smtplib.SMTPConnectError):
            tenant.send_mail()
        person.presses("End all of it")
    tenant.send_mail()
    assert tenant.messages()["total"] == 2


def test_a_lie_is_told_and_withdrawn(tenant: TenantClient) -> None:
    """One at a time."""
    with Person() as person:
        chooses(person, tenant, "Tell lie", lie="nonce_wrong", times="3")
        assert "nonce_wrong" in tenant.control("GET", "/lies").text
        chooses(person, tenant, "Tell the truth", clear="1")
    assert tenant.control("GET", "/lies").json() == {"lie": None}


@pytest.mark.parametrize("switch", ["experience", "plan", "clock", "faults", "lies"])
def test_a_form_without_its_token_is_refused(tenant: TenantClient, switch: str) -> None:
    """Also one with a token of another browser, and one with the control plane's header."""
    address = f"{tenant.url}/_tenant/dashboard/{switch}"
    form = {"experience": "new", "plan": "free", "leap": "An hour ahead"}
    with Person() as person:
        token = opens_dashboard(person, tenant).form("Switch plan")[2]["_csrf"]
    for sent, headers in (
        (form, {}),
        (form | {"_csrf": token}, {}),
        (form, {"X-Tenant-Control": "1"}),
    ):
        answer = requests.post(address, data=sent, headers=headers, timeout=10)
        assert answer.status_code == 403
    assert tenant.control("GET", "/experience").json() == {"experience": "classic"}
    assert tenant.control("GET", "/clock").json()["offset"] == 0


def test_nonsense_in_a_form_changes_nothing(tenant: TenantClient) -> None:
    """The page says so in a sentence."""
    with Person() as person:
        for button, fields in (
            ("Switch experience", {"experience": "nope"}),
            ("Order fault", {"fault": "nope", "times": "²"}),
            ("Tell lie", {"lie": "nope", "times": "-1"}),
        ):
            assert "There is no such" in chooses(person, tenant, button, **fields).text


def test_looking_is_not_counted_among_the_requests(tenant: TenantClient) -> None:
    """What a test counts stays what the site did."""
    with Person() as person:
        opens_dashboard(person, tenant)
    assert all("/_tenant" not in call["path"] for call in tenant.state()["requests"])


def test_without_the_control_plane_there_is_no_dashboard(tmp_path: Path) -> None:
    """No page, no link to it, and nobody offered on the login page."""
    config = TenantConfig(database=tmp_path / "tenant.db", port=0, smtp_port=0)
    with serve(config) as running:
        client = TenantClient(running)
        assert client.open(f"{running.url}/_tenant/dashboard").status_code == 404
        assert "Dashboard" not in client.open(running.url).text
        login = client.open(running.url + client.authorize().headers["Location"])
        assert "Sign in as" not in login.text
        assert "Invite-Demo-1!" not in login.text
        client.browser.close()


def test_the_admin_signs_in_with_one_click(tenant: TenantClient) -> None:
    """On the login page, as long as the admin's password is the seeded one."""
    with Person() as person:
        login = tenant.url + tenant.authorize(prompt="login").headers["Location"]
        assert "code" in query(person.opens(login).sends("Sign in as admin@example.com"))

        admin = tenant.api("GET", "/users-by-email?email=admin@example.com").json()[0]
        tenant.set_password(tenant.create_ticket(admin["user_id"]), GOOD)
        login = tenant.url + tenant.authorize(prompt="login").headers["Location"]
        assert "Sign in as" not in person.opens(login).text
