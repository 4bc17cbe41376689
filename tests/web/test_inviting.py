"""The form for one person: note, life and roles, the mail beside it, and a test of it."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import requests
from bs4 import BeautifulSoup

from invite_site.web.admin.inviting import NO_WAY_OUT
from tests.support.at_tenant import at_tenant
from tests.support.person import Person
from tests.support.running import (
    ADMIN,
    RunningSite,
    Tenant,
    running_site,
    settings_for,
    signs_in,
)
from tests.support.smtp_script import SmtpScript

ADA = "ada@example.com"
NOTE = "Dear Ada,\n\nsee https://evil.example/x & <b>come</b>!"


@pytest.fixture
def form(site: RunningSite, tenant: Tenant, admin: Person, tmp_path: Path) -> Person:
    """An admin before the form, at a tenant that has two roles."""
    api = at_tenant(tenant, tmp_path).api
    for name in ("Editor", "Reader"):
        api.send("POST", "/roles", {"name": name, "description": ""})
    site.make_admin()
    return signs_in(admin, site, start="/admin/invitations/new")


def frame(person: Person) -> requests.Response:
    """What the browser loads into the frame of the page."""
    assert person.soup.iframe is not None
    address = urljoin(person.url, str(person.soup.iframe["src"]))
    return person.browser.get(address, allow_redirects=False, timeout=10)


def without_links(text: str) -> str:
    """The text without addresses of links, which differ, and with single spaces."""
    return " ".join(re.sub(r"http://localhost:\d+/\S*", "LINK", text).split())


def test_it_works(site: RunningSite, form: Person) -> None:
    """All of it is in the row and on the page; the roles are given later."""
    form.types(Email_address=ADA, Note=NOTE, The_link_works_for=str(2 * 86400)).ticks("Editor")
    form.presses("Send invitation")
    assert form.heading == ADA
    row = site.row(int(form.path.rpartition("/")[2]))
    assert (row.note, row.lifetime, list(row.roles.values())) == (NOTE, 172800, ["Editor"])
    assert "Each link works for 2 days" in form.text
    assert "Editor : given once they have accepted" in form.text
    form.presses("Revoke").presses("Revoke")
    assert "Editor : not given" in form.text
    assert "see https://evil.example/x & <b>come</b>!" in form.text


def test_invite_again_begins_with_what_was_typed(
    site: RunningSite, tenant: Tenant, form: Person, tmp_path: Path
) -> None:
    """A role that is gone by now is named, and not dropped."""
    form.types(Email_address=ADA, Note=NOTE, The_link_works_for="86400", Language="fr")
    form.ticks("Reader").presses("Send invitation")
    number = int(form.path.rpartition("/")[2])
    site.services.invitations.revoke(number, actor="Grace")
    form.opens(form.url).presses("Invite again")
    assert form.sees_in("Note").replace("\r", "") == NOTE
    assert form.sees_in("The link works for") == "86400"
    assert form.sees_in("Language") == "fr"
    [reader] = site.row(number).roles
    assert [box["value"] for box in form.soup.find_all("input", checked=True)] == [reader]
    at_tenant(tenant, tmp_path).api.send("DELETE", f"/roles/{reader}", None)
    site.clock.forward(minutes=2)
    form.opens(form.url)
    assert "Reader (not at the tenant now)" in form.text
    assert len(form.soup.find_all("input", checked=True)) == 1


def test_a_mistake_loses_nothing(site: RunningSite, form: Person) -> None:
    """Note, life and roles stay where the address is wrong, and the other way round."""
    form.types(Email_address="ada", Note=NOTE, The_link_works_for="86400").ticks("Editor")
    form.presses("Send invitation")
    assert form.response.status_code == 422
    assert form.sees_in("Note").replace("\r", "") == NOTE
    assert form.sees_in("The link works for") == "86400"
    assert len(form.soup.find_all("input", checked=True)) == 1
    assert form.soup.iframe is None
    assert "The mail is shown once this is right." in form.text
    form.types(Email_address=ADA, Note="ä" * 501).presses("Send invitation")
    assert "501 characters; at most 500" in form.text
    assert len(form.sees_in("Note")) == 501
    assert not site.services.listing.page(now=site.clock())


def test_a_role_that_is_not_known_is_not_left_out_without_a_word(
    site: RunningSite, form: Person
) -> None:
    """The form stays until it is left out, or the tenant knows it again."""
    method, action, fields = form.form("Send invitation")
    form.shows(
        form.browser.request(method, action, data=fields | {"email": ADA, "roles": "rol_gone"})
    )
    assert form.response.status_code == 422
    assert "cannot be found at the tenant now" in form.text
    assert "rol_gone (not at the tenant now)" in form.text
    assert not site.services.listing.page(now=site.clock())


def test_without_permission_there_are_no_roles_but_a_sentence(
    site: RunningSite, tenant: Tenant, admin: Person
) -> None:
    """Everything else works."""
    scopes = "read:users create:users create:user_tickets"
    tenant.control("PUT", "/application", {"management_scope": scopes})
    site.make_admin()
    signs_in(admin, site, start="/admin/invitations/new")
    assert not admin.soup.find(id="roles")
    assert "the site lacks the permission read:roles and create:role_members" in admin.text
    admin.types(Email_address=ADA).presses("Send invitation")
    assert admin.heading == ADA


def test_where_the_tenant_writes_the_mail_there_is_nothing_to_say(
    tenant: Tenant, tmp_path: Path, admin: Person
) -> None:
    """No note, no life, no preview; the page says who writes."""
    settings = settings_for(tenant, tmp_path, INVITE_DELIVERY="tenant_email")
    with running_site(settings) as site:
        site.make_admin()
        signs_in(admin, site, start="/admin/invitations/new")
        assert not admin.soup.find(["textarea", "iframe"])
        assert not admin.soup.find(id="lifetime")
        assert not admin.offers("Send a test to me")
        assert "The tenant sends its own mail, from its template." in admin.text
        admin.types(Email_address=ADA).presses("Send invitation")
        assert admin.heading == ADA


# The mail beside the form --------------------------------------------------------------------------


def test_the_preview_is_the_mail_that_is_sent(
    site: RunningSite, tenant: Tenant, form: Person
) -> None:
    """But for its links: subject, sender, text and HTML; by the button, without script."""
    form.types(Email_address=ADA, Name="Ada", Note=NOTE, The_link_works_for="86400")
    form.presses("Preview")
    shown = frame(form)
    facts = [each.get_text() for each in form.soup.select("#preview dd")]
    assert form.soup.pre is not None
    text = form.soup.pre.get_text()
    assert site.services.listing.page(now=site.clock()) == []
    form.presses("Send invitation")
    site.delivers()
    [mail] = tenant.mails(ADA)
    assert facts == [
        mail["Subject"],
        f"{mail['From']['Name']} <{mail['From']['Address']}>",
        f"Ada <{ADA}>",
    ]
    assert without_links(text) == without_links(mail["Text"])
    seen, sent = (BeautifulSoup(each, "html.parser") for each in (shown.text, mail["HTML"]))
    assert without_links(seen.get_text(" ")) == without_links(sent.get_text(" "))
    framed = shown.text.removesuffix(NO_WAY_OUT).strip()
    assert re.sub(r'(http://localhost:\d+)[^"<]*', "", framed) == re.sub(
        r'(http://localhost:\d+)[^"<]*', "", mail["HTML"].strip().replace("\r", "")
    )


def test_the_frame_runs_nothing_and_leads_nowhere(site: RunningSite, form: Person) -> None:
    """A policy of its own; the links open no window, which the sandbox refuses; nobody's address is in the
    address of the frame."""
    form.types(Email_address=ADA, Note=NOTE).presses("Preview")
    assert form.soup.iframe is not None
    assert form.soup.iframe.get("sandbox") in ("", [])
    assert "frame-src 'self'" in form.response.headers["Content-Security-Policy"]
    shown = frame(form)
    policy = shown.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "frame-ancestors 'self'; sandbox" in policy
    assert "script-src" not in policy
    links = [urlsplit(str(a["href"])) for a in BeautifulSoup(shown.text, "html.parser")("a")]
    assert {(each.path, each.fragment) for each in links if each.scheme == "http"} == {
        ("/", "sample-link"),
        ("/invite/renew", ""),
        ("/", ""),
    }
    draft = parse_qs(urlsplit(shown.url).query)["draft"][0]
    assert "ada" not in shown.url
    broken = draft[:-5] + "AAAA="
    for address in (broken, ""):
        answer = form.peeks(f"{site.url}/admin/invitations/preview/mail?draft={address}")
        assert answer.status_code == 404


def test_script_asks_for_the_mail_while_somebody_types(site: RunningSite, form: Person) -> None:
    """The form names what to ask for. A mistake is said in place of the mail, and a session that has
    ended reloads nothing: what is being typed would be lost."""
    tag = form.soup.select_one("form[hx-post]")
    assert tag is not None
    assert (tag["hx-post"], tag["hx-select"]) == ("/admin/invitations/preview", "#preview")
    _, _, fields = form.form("Preview")
    headers = {"HX-Request": "true", "Referer": form.url}
    address = f"{site.url}/admin/invitations/preview"
    answer = form.browser.post(address, data=fields | {"email": "a@b"}, headers=headers, timeout=10)
    assert answer.status_code == 200
    assert "The mail is shown once this is right." in answer.text
    site.services.admins.revoke(ADMIN)
    answer = form.browser.post(address, data=fields, headers=headers, timeout=10)
    assert answer.status_code == 401
    assert "HX-Refresh" not in answer.headers


# A test of it --------------------------------------------------------------------------------------


def test_a_test_goes_to_oneself_alone(site: RunningSite, tenant: Tenant, form: Person) -> None:
    """Not to the address in the form; marked, and with a link that opens nothing. What was typed
    stays. A second one has to wait."""
    form.types(Email_address=ADA, Note=NOTE).presses("Send a test to me")
    assert f"A test is on its way to {ADMIN}." in form.text
    assert form.sees_in("Email address") == ADA
    [mail] = tenant.mails()
    assert [each["Address"] for each in mail["To"]] == [ADMIN]
    assert mail["Subject"] == f"Test: Admin invites you to {site.settings.app_name}"
    assert "> Dear Ada," in mail["Text"]
    assert "/#sample-link" in mail["Text"]
    assert frame(form).status_code == 200
    assert "frame-src 'self'" in form.response.headers["Content-Security-Policy"]
    form.presses("Send a test to me")
    assert form.response.status_code == 429
    assert "There is one test in 30 seconds. Wait a moment, then press again." in form.text
    assert form.sees_in("Email address") == ADA
    assert len(tenant.mails()) == 1
    with Person() as other:
        signs_in(other, site, start="/admin/invitations/new")
        assert "A test is on its way" in other.presses("Send a test to me").text
    assert site.services.listing.page(now=site.clock()) == []


def test_an_address_that_is_not_verified_gets_no_test(
    site: RunningSite, tenant: Tenant, form: Person, tmp_path: Path
) -> None:
    """By the tenant's word of now; and where the tenant is away, nobody does."""
    user_id = tenant.user(ADMIN)["user_id"]
    at_tenant(tenant, tmp_path).api.send("PATCH", f"/users/{user_id}", {"email_verified": False})
    form.types(Email_address=ADA).presses("Send a test to me")
    assert form.response.status_code == 422
    assert "the tenant has not verified your own address" in form.text
    assert form.title.startswith("Error: Invite someone")
    tenant.fails("GET /api/v2/users/", kind="status", status=503, times=None)
    form.presses("Send a test to me")
    assert "the tenant has to say which address is yours" in form.text
    assert tenant.mails() == []


def test_what_the_mail_server_says_about_a_test_is_shown(
    tenant: Tenant, tmp_path: Path, mail_server: SmtpScript, admin: Person
) -> None:
    """It counts as a test: the next one waits."""
    settings = settings_for(tenant, tmp_path, SMTP_URL=mail_server.url)
    with running_site(settings) as site:
        site.make_admin()
        signs_in(admin, site, start="/admin/invitations/new")
        mail_server.replies["RCPT"] = "450 4.2.1 later"
        admin.presses("Send a test to me")
        assert admin.response.status_code == 503
        assert "The test was not sent." in admin.text
        del mail_server.replies["RCPT"]
        admin.presses("Send a test to me")
        assert admin.response.status_code == 429
        assert "There is one test in 30 seconds." in admin.text
    assert mail_server.mails == []


def test_two_clicks_at_once_send_one_test(tenant: Tenant, form: Person) -> None:
    """They are counted before the mail goes out."""
    form.types(Email_address=ADA)
    method, address, fields = form.form("Send a test to me")
    cookies = form.browser.cookies

    def sends(_: int) -> int:
        return requests.request(
            method, address, data=fields, cookies=cookies, headers={"Referer": form.url}, timeout=15
        ).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(sends, range(4)))
    assert sorted(answers) == [200, 429, 429, 429]
    assert len(tenant.mails(ADMIN)) == 1


@pytest.mark.parametrize("sign", ["я", "漢", "😀"])
def test_the_address_of_a_preview_fits_into_a_request(form: Person, sign: str) -> None:
    """Servers refuse a first line of more than some 4,000 letters."""
    form.types(Email_address=ADA, Note=sign * 500).presses("Preview")
    assert len(form.soup.select("iframe")[0]["src"]) < 4000
    assert sign * 500 in frame(form).text


def test_a_test_mail_to_an_address_that_gets_no_mail_is_a_sentence(
    site: RunningSite, tenant: Tenant, tmp_path: Path, form: Person
) -> None:
    """An admin's own address may be one that nobody could invite; what was typed stays."""
    own = tenant.user(ADMIN)["user_id"]
    changed = {"email": f"{'a' * 65}@example.com", "email_verified": True}
    at_tenant(tenant, tmp_path).api.send("PATCH", f"/users/{own}", changed)
    form.types(Email_address=ADA, Note="A long note").presses("Send a test to me")
    assert "to your own address at the tenant nothing can be sent" in form.text
    assert form.sees_in("Note") == "A long note"


@pytest.mark.parametrize("path", ["", "/preview", "/test"])
def test_a_life_that_is_no_choice_is_said_in_the_form(
    site: RunningSite, desk: Person, path: str
) -> None:
    """However many digits it has: no page offers it, so nobody typed it."""
    _, action, fields = desk.presses("Invite someone").form("Send invitation")
    sent = fields | {"email": "ada@example.com", "lifetime": "9" * 5_000}
    desk.shows(desk.browser.post(f"{action}{path}", data=sent, timeout=9))
    assert desk.response.status_code < 500
    assert not site.services.listing.page(now=site.clock())


@pytest.mark.parametrize("field", ["email", "name", "note", "key"])
def test_a_file_in_place_of_a_field_is_refused(site: RunningSite, form: Person, field: str) -> None:
    """It is no text."""
    _, address, fields = form.types(Email_address=ADA).form("Send invitation")
    file = {field: ("a.txt", fields.pop(field))}
    answer = form.browser.post(
        address, data=fields, files=file, headers={"Origin": site.url}, timeout=10
    )
    assert answer.status_code == 400
    assert "That request could not be understood" in answer.text
    assert site.services.listing.page(now=site.clock()) == []
