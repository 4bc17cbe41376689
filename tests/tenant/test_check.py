"""`flask tenant check` names what is wrong with a tenant, and how to mend it."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from invite_site.settings import ROOT, Delivery, ReturnTo
from invite_site.tenant.answers import TokenRefused
from invite_site.tenant.http import Credentials
from invite_site.tenant.setup.check import Report
from invite_site.tenant.setup.requirements import REQUIREMENTS
from invite_site.tenant.setup.requirements.access import rate_limit
from invite_site.tenant.setup.requirements.application import callback
from tests.support.at_tenant import AtTenant, at_tenant
from tests.support.running import Tenant

# How invitations travel: settings other than the default ones.
Ways = dict[str, Any]
TICKET: Ways = {}
LOGIN_ROUTE: Ways = {"invite_return": ReturnTo.LOGIN_ROUTE}
TENANT_EMAIL: Ways = {"delivery": Delivery.TENANT_EMAIL}

SKIP = "skip_non_verifiable_callback_uri_confirmation_prompt"

Mess = Callable[[AtTenant], None]


@pytest.fixture
def at(tenant: Tenant, tmp_path: Path) -> AtTenant:
    """A tenant that was set up as the site wants it."""
    somebody = at_tenant(tenant, tmp_path)
    somebody.changes_connection_options(disable_signup=True)
    return somebody


def set_up(at: AtTenant, ways: Ways) -> None:
    """The experience that fits, and `apply`."""
    at.changes_settings(**ways)
    new = ways == LOGIN_ROUTE
    at.tenant.control("PUT", "/experience", {"experience": "new" if new else "classic"})
    assert at.apply() == []


def found(report: Report, *levels: str) -> set[str]:
    return {name for name, each in report.findings.items() if each.level in levels}


def finding(report: Report, name: str) -> tuple[str, str]:
    each = report.findings[name]
    return each.level, f"{each.message} {each.advice}"


@pytest.mark.parametrize("ways", [TICKET, LOGIN_ROUTE, TENANT_EMAIL], ids=str)
def test_it_works(at: AtTenant, ways: Ways) -> None:
    """After `flask tenant apply` nothing is wrong, and hardly anything is worth a note."""
    set_up(at, ways)
    report = at.check()
    assert list(report.findings) == [each.name for each in REQUIREMENTS]
    assert found(report, "wrong", "note", "cannot tell") == set()
    assert report.exit_status == 0


# What can be wrong --------------------------------------------------------------------------------


def client(**body: Any) -> Mess:
    return lambda at: at.changes_client(**body)


def settings(**values: Any) -> Mess:
    return lambda at: at.changes_settings(**values)


def template(name: str = "reset_email", **body: Any) -> Mess:
    return lambda at: at.api.send("PATCH", f"/email-templates/{name}", body)


def options(**values: Any) -> Mess:
    return lambda at: at.changes_connection_options(**values)


def scopes(scope: str) -> Mess:
    return lambda at: at.tenant.control("PUT", "/application", {"management_scope": scope})


def experience(name: str) -> Mess:
    return lambda at: at.tenant.control("PUT", "/experience", {"experience": name})


def another_name_of_the_same_machine(at: AtTenant) -> None:
    at.changes_settings(tenant_url=at.tenant.url.replace("localhost", "127.0.0.1"))


def no_discovery_document(at: AtTenant) -> None:
    at.tenant.fails(
        "GET /.well-known/openid-configuration", kind="status", status=404, body={}, times=None
    )


def two_minutes_ahead(at: AtTenant) -> None:
    at.now = lambda: datetime.now(UTC) + timedelta(minutes=2)


def no_grant(at: AtTenant) -> None:
    grants = at.api.get("/client-grants", client_id=at.settings.management_client_id)
    assert grants
    at.api.send("DELETE", f"/client-grants/{grants[0]['id']}", None)


def not_enabled(at: AtTenant) -> None:
    body = [{"client_id": at.settings.client_id, "status": False}]
    at.api.send("PATCH", f"/connections/{at.connection['id']}/clients", body)


def welcome_mail(at: AtTenant) -> None:
    words = {"body": "Hello", "from": "a@example.com", "subject": "Hello", "syntax": "liquid"}
    body = {"template": "welcome_email", "enabled": True, **words}
    at.api.send("POST", "/email-templates", body)


def foreign_page(at: AtTenant) -> None:
    at.stores_page("<p>Ours, by hand</p>")


def older_page(at: AtTenant) -> None:
    at.stores_page(at.page["html"].replace("Welcome", "Hello"))


def older_template(at: AtTenant) -> None:
    stored = at.api.get("/email-templates/reset_email")
    assert stored
    template(body=stored["body"].replace("type=invite", "type=other"))(at)


def no_provider(at: AtTenant) -> None:
    at.api.send("DELETE", "/emails/provider", None)


def provider_off(at: AtTenant) -> None:
    at.api.send("PATCH", "/emails/provider", {"enabled": False})


def no_texts(at: AtTenant) -> None:
    at.api.send("PUT", "/prompts/reset-password/custom-text/de", {})


def custom_domain(at: AtTenant) -> None:
    ready = [{"domain": "login.acme.test", "status": "ready", "primary": True}]
    at.tenant.fails("GET /api/v2/custom-domains", kind="status", status=200, body=ready, times=None)


def wrong_setup(at: AtTenant) -> None:
    assert at.setup is not None
    at.setup = replace(at.setup, client_secret="not-this-one")


def setup_of_the_site(at: AtTenant) -> None:
    """The site runs with the credentials that set the tenant up."""
    assert at.setup is not None
    at.changes_settings(
        management_client_id=at.setup.client_id, management_client_secret=at.setup.client_secret
    )


MESSES: list[tuple[str, Ways, Mess, str, str, str]] = [
    ("another domain", TICKET, another_name_of_the_same_machine, "Domain", "wrong", "Set AUTH0_DOMAIN to localhost"),
    ("no tenant there", TICKET, no_discovery_document, "Domain", "wrong", "Set AUTH0_DOMAIN to the Domain"),
    ("clock", TICKET, two_minutes_ahead, "Clock", "wrong", "by NTP"),
    ("management secret", TICKET, settings(management_client_secret="no"), "Management credentials", "wrong", "AUTH0_MANAGEMENT_CLIENT_SECRET"),
    ("management domain", TICKET, settings(management_url="http://localhost:9"), "Management credentials", "wrong", "AUTH0_MANAGEMENT_DOMAIN"),
    ("no grant", TICKET, no_grant, "Management credentials", "wrong", "Authorize it"),
    ("scope missing", TICKET, scopes("create:users read:users"), "Management permissions", "wrong", "create:user_tickets. Run `flask tenant apply`"),
    ("scope too many", TICKET, scopes("create:users read:users create:user_tickets update:clients"), "Management permissions", "note", "update:clients. Take it away"),
    ("setup secret", TICKET, wrong_setup, "Setup credentials", "wrong", "TENANT_SETUP_CLIENT_SECRET"),
    ("client secret", TICKET, settings(client_secret="no"), "Application secret", "wrong", "Copy both from"),
    ("HS256", TICKET, client(jwt_configuration={"alg": "HS256"}), "Application", "wrong", "Signature Algorithm"),
    ("single page application", TICKET, client(app_type="spa"), "Application", "wrong", "Regular Web Application"),
    ("callback", TICKET, client(callbacks=["http://localhost:3000/callback/"]), "Callback URL", "wrong", "Allowed Callback URLs. Run `flask tenant apply`"),
    ("logout", TICKET, client(allowed_logout_urls=["http://localhost:3000"]), "Logout URL", "wrong", "Allowed Logout URLs. Run `flask tenant apply`"),
    ("no login URI", TICKET, client(initiate_login_uri=""), "Application Login URI", "note", "Run `flask tenant apply`"),
    ("no login URI where it is needed", LOGIN_ROUTE, client(initiate_login_uri=""), "Application Login URI", "wrong", "Run `flask tenant apply`"),
    ("login URI of another", LOGIN_ROUTE, client(initiate_login_uri="https://other.example/login"), "Application Login URI", "wrong", "It is https://other.example/login"),
    ("unknown connection", TICKET, settings(connection="Nobody"), "Connection", "wrong", "Set AUTH0_CONNECTION"),
    ("user names", TICKET, options(requires_username=True), "Connection", "wrong", "Requires Username off"),
    ("connection not enabled", TICKET, not_enabled, "Connection enabled", "wrong", "Run `flask tenant apply`, or enable it"),
    ("open sign-ups", TICKET, options(disable_signup=False), "Sign-ups", "note", "Disable Sign Ups on"),
    ("Classic page and login route", LOGIN_ROUTE, experience("classic_reset"), "Experience", "wrong", "Set INVITE_RETURN=result_url"),
    ("page of another", TICKET, foreign_page, "Password page", "note", "--replace"),
    ("page out of date", TICKET, older_page, "Password page", "note", "Run `flask tenant apply`"),
    ("no texts", LOGIN_ROUTE, no_texts, "Texts", "note", "(de). Run `flask tenant apply`"),
    ("template off", TENANT_EMAIL, template(enabled=False), "Mail template", "wrong", "Run `flask tenant apply`, or customise it"),
    ("template without the condition", TENANT_EMAIL, template(body="<a href='{{ url }}'>Reset</a>"), "Mail template", "wrong", "invitedToMyApp"),
    ("sender at auth0.com", TENANT_EMAIL, template(**{"from": "x@auth0.com"}), "Mail template", "wrong", "put your own address"),
    ("other life of the link", TENANT_EMAIL, template(urlLifetimeInSeconds=60), "Mail template", "note", "URL Lifetime"),
    ("no resultUrl", TENANT_EMAIL, template(resultUrl=None), "Mail template's way back", "wrong", "INVITE_DELIVERY=ticket"),
    ("another resultUrl", TENANT_EMAIL, template(resultUrl="https://other.example/"), "Mail template's way back", "wrong", "Redirect To"),
    ("no mail provider", TENANT_EMAIL, no_provider, "Mail provider", "wrong", "Branding → Email Provider"),
    ("mail provider off", TENANT_EMAIL, provider_off, "Mail provider", "wrong", "Branding → Email Provider"),
    ("welcome mail", TICKET, welcome_mail, "Welcome mail", "note", "Switch it off"),
    ("custom domain", TICKET, custom_domain, "Ticket host", "wrong", "Set AUTH0_DOMAIN=login.acme.test and AUTH0_MANAGEMENT_DOMAIN=localhost"),
    ("marker stays", TENANT_EMAIL, scopes("create:users read:users create:user_tickets"), "Management permissions", "note", "update:users: whoever has accepted"),
    ("template out of date", TENANT_EMAIL, older_template, "Mail template", "note", "Run `flask tenant apply`"),
    ("template without the note to the page", TENANT_EMAIL, template(body="{% if user.app_metadata.invitedToMyApp %}{{ url }}{% endif %}"), "Mail template", "note", "type=invite"),
    ("no change-password mail", TENANT_EMAIL, options(disable_self_service_change_password=True), "Password policy", "wrong", "INVITE_DELIVERY=ticket"),
    ("flexible policy", TICKET, options(password_options={"complexity": {"min_length": 12}}), "Password policy", "note", "Flexible Password Policy"),
    ("mail server away", TICKET, settings(smtp_url="smtp://localhost:9"), "Mail server", "wrong", "Check SMTP_URL"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("ways", "mess", "name", "level", "words"),
    [case[1:] for case in MESSES],
    ids=[case[0] for case in MESSES],
)
def test_it_names_what_is_wrong_and_the_remedy(
    at: AtTenant, ways: Ways, mess: Mess, name: str, level: str, words: str
) -> None:
    """One thing is spoiled: that requirement and no other complains, and the remedy is the right one."""
    set_up(at, ways)
    mess(at)
    report = at.check()
    assert found(report, "wrong", "note") == {name}
    actual, sentence = finding(report, name)
    assert actual == level
    assert words in sentence
    assert report.exit_status == (1 if level == "wrong" else 0)


def test_new_universal_login_without_the_login_route_is_wrong(at: AtTenant) -> None:
    """It would take no notice of the way back; the remedies are the page and the setting."""
    set_up(at, TICKET)
    at.tenant.control("PUT", "/experience", {"experience": "new"})
    report = at.check()
    verdict, sentence = finding(report, "Experience")
    assert verdict == "wrong"
    assert "`flask tenant apply`" in sentence
    assert "INVITE_RETURN=login_route" in sentence


@pytest.mark.parametrize(
    ("why", "advice"),
    [
        (
            "Service not enabled within domain: https://login.acme.test/api/v2/",
            "not its custom one",
        ),
        ("Grant type 'client_credentials' not allowed for the client.", "Grant Types"),
        ("Client is not authorized to access it.", "Machine to Machine"),
    ],
)
def test_a_token_that_is_refused_is_explained(at: AtTenant, why: str, advice: str) -> None:
    """By what the tenant says of it; each has a remedy of its own."""
    body = {"error": "access_denied", "error_description": why}
    at.tenant.fails("POST /oauth/token", kind="status", status=403, body=body, times=1)
    with pytest.raises(TokenRefused, match=advice):
        at.api.sign_in()


def test_an_unknown_application_is_told(at: AtTenant) -> None:
    """Neither its secret nor its id is right then, and `apply` can do nothing about it."""
    at.changes_settings(client_id="nobody")
    report = at.check()
    assert found(report, "wrong") == {"Application", "Application secret"}
    unknown = {"Callback URL", "Logout URL", "Application Login URI", "Connection enabled"}
    assert unknown <= found(report, "cannot tell")


def test_an_application_that_may_not_use_codes_is_told(at: AtTenant) -> None:
    """The tenant says so itself, with and without permissions."""
    at.changes_client(grant_types=["client_credentials"])
    assert finding(at.check(), "Application")[0] == "wrong"
    assert "Authorization Code" in finding(at.check(), "Application secret")[1]


def test_one_application_for_both_is_worth_a_note(at: AtTenant) -> None:
    """The running site should not hold what sets a tenant up."""
    setup_of_the_site(at)
    assert {"Setup credentials", "Management permissions"} <= found(at.check(), "note")


def test_a_template_that_is_switched_off_sends_no_mail_at_all(at: AtTenant) -> None:
    """Unlike one that is not there, for which the tenant has its own."""
    set_up(at, TENANT_EMAIL)
    template(enabled=False)(at)
    assert "sends none at all" in at.check().findings["Mail template"].message


def test_the_permissions_for_roles_are_named(at: AtTenant) -> None:
    """Nobody has to give roles, so a site that cannot is right too."""
    needed = "create:users read:users create:user_tickets"
    for scope, words in (
        (
            needed,
            "With read:roles, create:role_members, update:users an invitation could give roles",
        ),
        (f"{needed} read:roles create:role_members update:users", "An invitation can give roles."),
    ):
        scopes(scope)(at)
        level, text = finding(at.check(), "Management permissions")
        assert level == "ok"
        assert words in text


def test_the_narrower_permission_ends_invitations_too(at: AtTenant) -> None:
    """`update:users` lets a program set anybody's password."""
    set_up(at, TENANT_EMAIL)
    scopes("create:users read:users create:user_tickets update:users_app_metadata")(at)
    assert at.check().findings["Management permissions"].level == "ok"


@pytest.mark.parametrize(
    ("site", "of_client", "of_tenant", "is_asked"),
    [
        ("http://localhost:3000", {}, {}, True),
        ("http://localhost:3000", {SKIP: False}, {}, True),
        ("http://localhost:3000", {SKIP: True}, {}, False),
        ("http://localhost:3000", {}, {SKIP: True}, False),
        ("https://invite.example.com", {}, {}, False),
    ],
)
def test_a_callback_on_this_machine_is_confirmed_at_a_real_tenant(
    at: AtTenant,
    site: str,
    of_client: dict[str, bool],
    of_tenant: dict[str, bool],
    is_asked: bool,
) -> None:
    """Since April 2026, unless application or tenant are told not to."""
    settings = replace(at.settings, site_url=site, tenant_url="https://acme.eu.auth0.com")
    client = {"callbacks": [settings.callback_url], **of_client}
    # A tenant that is not on this machine, which no test may reach.
    reader: Any = SimpleNamespace(application=lambda _: client, read=lambda path: of_tenant)
    found = callback(replace(at.context(), settings=settings, tenant=reader))
    assert (found.level == "note") is is_asked
    assert (SKIP in found.advice) is is_asked


@pytest.mark.parametrize(("plan", "verdict"), [("free", "note"), ("professional", "ok")])
def test_the_rate_limit_is_what_the_tenant_says(at: AtTenant, plan: str, verdict: str) -> None:
    """Seen in the headers of any call."""
    at.tenant.control("PUT", "/plan", {"plan": plan})
    context = at.context()
    context.tenant.read("/prompts")
    assert rate_limit(context).level == verdict


# Without permissions ------------------------------------------------------------------------------


def test_without_setup_credentials_it_names_the_permission_that_is_missing(at: AtTenant) -> None:
    """The running site's credentials do not read the configuration, and need not."""
    at.setup = None
    report = at.check()
    verdict, sentence = finding(report, "Experience")
    assert verdict == "cannot tell"
    assert "read:prompts" in sentence
    assert "TENANT_SETUP_CLIENT_ID" in sentence
    assert finding(report, "Setup credentials")[0] == "note"
    assert report.exit_status == 0


def test_without_permissions_it_sees_what_anybody_can_see(at: AtTenant) -> None:
    """Whether an address is allowed shows in where the tenant leads a browser."""
    at.setup = None
    assert {"Callback URL", "Logout URL"} <= found(at.check(), "ok")
    at.changes_client(callbacks=[], allowed_logout_urls=[])
    assert {"Callback URL", "Logout URL"} <= found(at.check(), "wrong")


def test_it_changes_nothing(at: AtTenant) -> None:
    """Not even a ticket is made to see its host."""
    at.check()
    kinds = {(each["method"], each["path"]) for each in at.tenant.state["requests"]}
    assert {path for method, path in kinds if method not in {"GET"}} <= {
        "/oauth/token",
        f"/api/v2/connections/{at.connection['id']}",  # the fixture's own
    }
    assert at.tenant.state["tickets"] == []


def test_the_page_tells_what_to_do_about_every_fact() -> None:
    """The table in `docs/real-tenant.md` names each line of the command."""
    page = (ROOT / "docs" / "real-tenant.md").read_text(encoding="utf-8")
    table = page.partition("## What `flask tenant check` says")[2].partition("###")[0]
    firsts = ", ".join(re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE))
    named = firsts.replace("and its way back", "Mail template's way back").split(", ")
    assert {each.name for each in REQUIREMENTS} <= set(named)


# The command --------------------------------------------------------------------------------------


def test_each_fact_is_one_line(at: AtTenant) -> None:
    """Verdict, fact, what was found, and the remedy."""
    set_up(at, TICKET)
    at.changes_client(callbacks=[])
    done = at.runs("check")
    lines = done.stdout.splitlines()
    assert len(lines) == len(REQUIREMENTS)
    assert [line for line in lines if line.startswith("wrong")] == [
        "wrong       Callback URL: http://localhost:3000/callback is not among the Allowed Callback "
        "URLs. Run `flask tenant apply`, or add it under Applications → Settings → Application URIs."
    ]
    assert done.exit_code == 1


def test_a_fact_stays_one_line_whatever_the_tenant_is_called(at: AtTenant) -> None:
    """Names come from the tenant; a terminal would obey what stands in them."""
    at.changes_client(name="Acme\x1b[2J\nok Domain: all is well")
    done = at.runs("check")
    assert len(done.stdout.splitlines()) == len(REQUIREMENTS)
    assert "\x1b" not in done.stdout
    assert "Acme" in done.stdout


def test_spaces_around_the_setup_credentials_are_no_part_of_them(at: AtTenant) -> None:
    """A file of Docker with the line ends of Windows leaves a \\r on each value."""
    assert at.setup is not None
    expected = at.runs("check").stdout
    at.setup = Credentials.for_setup(f"{at.setup.client_id}\r", f"{at.setup.client_secret}\r")
    assert at.runs("check").stdout == expected


def test_json_is_an_array_of_facts(at: AtTenant) -> None:
    """For scripts: four texts for each fact."""
    set_up(at, TICKET)
    done = at.runs("check", "--json")
    facts = json.loads(done.stdout)
    assert [each["fact"] for each in facts] == [each.name for each in REQUIREMENTS]
    assert all(set(each) == {"fact", "verdict", "says", "mend"} for each in facts)
    assert {each["verdict"] for each in facts} <= {"ok", "wrong", "cannot tell", "note"}
    assert done.exit_code == 0


def test_a_tenant_that_cannot_be_reached_is_exit_status_2(at: AtTenant) -> None:
    """All facts are still listed, and what needs no tenant is told."""
    at.changes_settings(tenant_url="http://localhost:9", management_url="http://localhost:9")
    done = at.runs("check", "--json")
    facts = {each["fact"]: each for each in json.loads(done.stdout)}
    assert done.exit_code == 2
    assert facts["Domain"]["verdict"] == "wrong"
    assert facts["Mail server"]["verdict"] == "ok"
    assert facts["Experience"]["verdict"] == "cannot tell"


def test_a_tenant_in_trouble_is_exit_status_2(at: AtTenant) -> None:
    """A 503 says nothing about the configuration."""
    at.tenant.fails("GET /.well-known", kind="status", status=503, times=None)
    assert at.runs("check").exit_code == 2


@pytest.mark.parametrize("body", ["text", {}, []])
def test_a_list_that_nobody_can_read_is_told(at: AtTenant, body: object) -> None:
    """The facts that need none are told all the same."""
    path = f"/api/v2/connections/{at.connection['id']}/clients"
    at.tenant.fails(f"GET {path}", kind="status", status=200, times=None, body=body)
    done = at.runs("check", "--json")
    verdicts = {each["fact"]: each["verdict"] for each in json.loads(done.stdout)}
    assert verdicts["Connection enabled"] == "cannot tell"
    assert verdicts["Domain"] == "ok"


def test_no_secret_is_printed(at: AtTenant) -> None:
    """Neither where all is well nor where credentials are refused."""
    shown = at.runs("check").output
    at.changes_settings(client_secret="wrong-secret-1", management_client_secret="wrong-secret-2")
    shown += at.runs("check", "--json").output + at.runs("apply", "--dry-run").output
    secrets = [value for name, value in at.tenant.environment.items() if "SECRET" in name]
    assert not [secret for secret in [*secrets, "wrong-secret"] if secret in shown]


def test_setup_credentials_need_both_halves(at: AtTenant) -> None:
    """One of the two variables alone is as none."""
    for half in (("id", ""), ("", "secret")):
        at.setup = Credentials.for_setup(*half)
        assert "Set TENANT_SETUP_CLIENT_ID and" in at.runs("apply").output
    assert "secret" not in repr(Credentials.for_setup("id", "secret")).replace("client_secret", "")
