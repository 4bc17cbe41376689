"""`flask tenant apply` puts what the site needs in place, and leaves alone what is not its own."""

import re
from pathlib import Path
from typing import Any

import pytest

from invite_site.mailbox import Mailbox
from invite_site.settings import ROOT, Delivery, ReturnTo
from invite_site.tenant.setup.apply import execute
from invite_site.tenant.setup.changes import Skipped
from invite_site.tenant.setup.findings import Finding, Level
from tests.support.at_tenant import AtTenant, at_tenant
from tests.support.running import Tenant

LOGIN_ROUTE = {"invite_return": ReturnTo.LOGIN_ROUTE}
NEEDED = {"create:users", "read:users", "create:user_tickets"}
TENANT_EMAIL = {"delivery": Delivery.TENANT_EMAIL}
WAYS: list[dict[str, Any]] = [{}, LOGIN_ROUTE, TENANT_EMAIL, {**TENANT_EMAIL, **LOGIN_ROUTE}]
OTHERS = "https://other.example/callback"


@pytest.fixture
def at(tenant: Tenant, tmp_path: Path) -> AtTenant:
    return at_tenant(tenant, tmp_path)


@pytest.fixture
def bare(at: AtTenant) -> AtTenant:
    """A tenant with two applications that nobody has set up yet."""
    at.changes_client(
        callbacks=[], allowed_logout_urls=[], initiate_login_uri="", grant_types=["implicit"]
    )
    grant = at.api.get("/client-grants", client_id=at.settings.management_client_id)
    assert grant
    at.api.send("DELETE", f"/client-grants/{grant[0]['id']}", None)
    body = [{"client_id": at.settings.client_id, "status": False}]
    at.api.send("PATCH", f"/connections/{at.connection['id']}/clients", body)
    return at


def configuration(at: AtTenant) -> Any:
    """Everything that `apply` could have changed."""
    paths = [
        "/clients",
        "/client-grants",
        "/tenants/settings",
        "/prompts",
        *(f"/prompts/reset-password/custom-text/{each}" for each in ("en", "de", "es", "fr", "it")),
        "/email-templates/reset_email",
        "/email-templates/welcome_email",
        "/emails/provider",
        f"/connections/{at.connection['id']}",
        f"/connections/{at.connection['id']}/clients",
    ]
    return {path: at.api.get(path) for path in paths}


def wrong(at: AtTenant) -> list[Finding]:
    return [each for each in at.check().findings.values() if each.level == Level.WRONG]


@pytest.mark.parametrize("ways", WAYS, ids=str)
def test_it_works(bare: AtTenant, ways: dict[str, Any]) -> None:
    """From a bare tenant to one where nothing is wrong; the second time there is nothing to do."""
    bare.changes_settings(**ways)
    new = "invite_return" in ways
    bare.tenant.control("PUT", "/experience", {"experience": "new" if new else "classic"})
    assert bare.apply() == []
    assert not wrong(bare)
    before = configuration(bare)
    again = bare.plan()
    assert not again.changes
    assert not again.skipped
    assert bare.apply() == []
    assert configuration(bare) == before


def test_a_new_login_gets_the_classic_password_page(bare: AtTenant) -> None:
    """With tickets that carry a result_url the page is what brings people back."""
    bare.tenant.control("PUT", "/experience", {"experience": "new"})
    assert bare.apply() == []
    assert bare.tenant.control("GET", "/experience") == {"experience": "classic_reset"}
    assert not wrong(bare)


def test_the_entries_of_others_survive(at: AtTenant) -> None:
    """Lists are added to, in order; nothing is taken out."""
    at.changes_client(
        callbacks=[OTHERS],
        allowed_logout_urls=["https://other.example"],
        grant_types=["authorization_code", "refresh_token"],
        initiate_login_uri="https://other.example/login",
        client_metadata={"theirs": "kept"},
    )
    assert at.apply() == []
    client = at.client
    assert client["callbacks"] == [OTHERS, at.settings.callback_url]
    assert client["allowed_logout_urls"] == ["https://other.example", f"{at.settings.site_url}/"]
    assert client["grant_types"] == ["authorization_code", "refresh_token"]
    assert client["client_metadata"] == {"theirs": "kept"}
    assert client["initiate_login_uri"] == "https://other.example/login"


def test_a_login_uri_of_another_gives_way_where_people_come_back_by_it(at: AtTenant) -> None:
    """There invitations would end elsewhere."""
    at.changes_settings(**LOGIN_ROUTE)
    at.changes_client(initiate_login_uri="https://other.example/login")
    at.apply()
    assert at.client["initiate_login_uri"] == f"{at.settings.site_url}/login"


def test_permissions_are_added_and_none_is_taken_away(at: AtTenant) -> None:
    """Optional features of the site stay switched on."""
    at.tenant.control("PUT", "/application", {"management_scope": "read:logs read:users"})
    assert at.apply() == []
    grant = at.api.get("/client-grants", client_id=at.settings.management_client_id)
    assert grant
    assert grant[0]["scope"] == ["read:logs", "read:users", "create:users", "create:user_tickets"]


def test_one_application_for_both_gets_both_grant_types(at: AtTenant) -> None:
    """AUTH0_MANAGEMENT_CLIENT_ID may be left out; then the application is its own client."""
    at.changes_settings(management_client_id=at.settings.client_id)
    at.apply()
    assert at.client["grant_types"] == ["authorization_code", "client_credentials"]


def test_the_texts_of_others_survive(at: AtTenant) -> None:
    """Other keys, other screens and other languages; ours are put among them."""
    path = "/prompts/reset-password/custom-text"
    theirs = {
        "reset-password": {"title": "Secret please", "pageTitle": "Theirs"},
        "reset-password-email": {"title": "Look into your mailbox"},
    }
    at.api.send("PUT", f"{path}/en", theirs)
    at.api.send("PUT", f"{path}/it", {"reset-password": {"title": "La tua password"}})
    at.changes_settings(**LOGIN_ROUTE)
    assert at.apply() == []
    english = at.api.get(f"{path}/en")
    assert english
    assert english["reset-password"]["pageTitle"] == "Theirs"
    assert english["reset-password"]["title"] == "Choose Your Password"
    assert english["reset-password-email"] == {"title": "Look into your mailbox"}
    assert at.api.get(f"{path}/it") == {"reset-password": {"title": "La tua password"}}


def test_texts_stay_where_nobody_meets_them(at: AtTenant) -> None:
    """The Classic page shows none of them, so other people's wording is none of our business."""
    assert at.apply() == []
    assert at.api.get("/prompts/reset-password/custom-text/en") == {}


def test_the_mail_template_stays_where_the_site_sends_its_own_mail(at: AtTenant) -> None:
    """It is the reset mail of every application of the tenant."""
    assert at.apply() == []
    assert at.api.get("/email-templates/reset_email") is None
    assert at.api.get("/emails/provider") is None


def test_a_page_of_another_stays_unless_it_may_be_replaced(at: AtTenant) -> None:
    """A tenant has one password page for everybody."""
    at.stores_page("<p>Theirs</p>")
    assert at.apply() == []
    assert at.page["html"] == "<p>Theirs</p>"
    [skipped] = at.plan().skipped
    assert skipped == Skipped("Password page", skipped.message, blocking=False)
    assert "--replace" in skipped.message
    assert at.apply(replacing=True) == []
    assert "Auth0ChangePassword" in at.page["html"]


def test_a_page_of_another_that_is_off_is_blocking(at: AtTenant) -> None:
    """Switching somebody's draft on would be a surprise; without any page people are stranded."""
    at.stores_page("<p>Theirs</p>", enabled=False)
    [blocking] = at.apply()
    assert "It is switched off." in blocking
    assert at.page == {"enabled": False, "html": "<p>Theirs</p>"}


def test_a_page_of_ours_is_brought_up_to_date(at: AtTenant) -> None:
    """It is known by its first lines."""
    at.apply()
    at.stores_page(at.page["html"].replace("Welcome", "Hello"), enabled=False)
    [change] = at.plan().changes
    assert any(line.strip().startswith("-") and "Hello" in line for line in change.lines)
    at.apply()
    assert "Welcome to %s" in at.page["html"]
    assert at.page["enabled"] is True


def test_our_page_is_switched_off_where_people_come_back_by_the_login_route(at: AtTenant) -> None:
    """It would keep the password page Classic; a page of somebody else stays as it is."""
    at.tenant.control("PUT", "/experience", {"experience": "new"})
    at.apply()
    html = at.page["html"]
    at.changes_settings(**LOGIN_ROUTE)
    assert at.apply() == []
    assert at.page == {"enabled": False, "html": html}
    assert not wrong(at)
    at.stores_page("<p>Theirs</p>")
    assert at.apply() == []
    assert at.page == {"enabled": True, "html": "<p>Theirs</p>"}


def test_a_mail_template_of_another_stays_unless_it_may_be_replaced(at: AtTenant) -> None:
    """One that does not know invitations is in the way; one that does is fine."""
    at.changes_settings(**TENANT_EMAIL)
    words = {"from": "a@example.com", "subject": "Reset", "syntax": "liquid", "enabled": True}
    body = {"template": "reset_email", "body": "<a href='{{ url }}'>Reset</a>", **words}
    at.api.send("POST", "/email-templates", body)
    assert len(at.apply()) == 1
    stored = at.api.get("/email-templates/reset_email")
    assert stored
    assert stored["subject"] == "Reset"
    assert at.apply(replacing=True) == []
    stored = at.api.get("/email-templates/reset_email")
    assert stored
    assert "invitedToMyApp" in stored["subject"]


def test_a_tenant_that_may_not_set_the_way_back_gets_the_rest(at: AtTenant) -> None:
    """Non-enterprise tenants made since May 2026 refuse a template with a resultUrl."""
    at.changes_settings(**TENANT_EMAIL)
    at.tenant.control("PUT", "/switches", {"template_result_url_barred": True})
    [blocking] = at.apply()
    assert "without resultUrl" in blocking
    stored = at.api.get("/email-templates/reset_email")
    assert stored
    assert "invitedToMyApp" in stored["body"]
    assert "resultUrl" not in stored


def test_a_mail_provider_that_is_there_stays(at: AtTenant) -> None:
    """Even another one than SMTP_URL; without one the tenant would send its stock mail."""
    at.changes_settings(**TENANT_EMAIL)
    theirs = {"name": "mailgun", "credentials": {"api_key": "k", "domain": "d.example"}}
    at.api.send("POST", "/emails/provider", theirs)
    assert at.apply() == []
    provider = at.api.get("/emails/provider")
    assert provider
    assert provider["name"] == "mailgun"


@pytest.mark.parametrize(
    "left_out",
    [{"smtp_url": "", "mail_from": Mailbox()}, {"smtp_url": ""}, {"mail_from": Mailbox()}],
)
def test_without_a_mail_server_of_the_site_the_tenant_is_given_none(
    at: AtTenant, left_out: dict[str, Any]
) -> None:
    """Where the tenant sends the mail the site needs neither; what is missing is said before."""
    at.changes_settings(**TENANT_EMAIL, **left_out)
    at.api.send("DELETE", "/emails/provider", None)
    found = at.plan()
    assert "Mail provider" not in [each.what for each in found.changes]
    told = next(each for each in found.skipped if each.what == "Mail provider")
    assert "SMTP_URL and MAIL_FROM" in told.message
    assert told.blocking


def test_without_a_sender_of_the_site_that_of_the_template_stays(at: AtTenant) -> None:
    """Where the tenant sends the mail MAIL_FROM may be missing."""
    at.changes_settings(**TENANT_EMAIL)
    assert at.apply() == []
    at.changes_settings(mail_from=Mailbox(), invitation_ttl=3600)
    assert at.apply() == []
    stored = at.api.get("/email-templates/reset_email")
    assert stored
    assert stored["from"] == '"Acme" <invitations@example.com>'
    assert stored["urlLifetimeInSeconds"] == 3600


def test_a_mail_provider_that_is_off_is_not_switched_on(at: AtTenant) -> None:
    """Somebody has switched it off; that it is so is told, and who can change it."""
    at.changes_settings(**TENANT_EMAIL)
    assert at.apply() == []
    at.api.send("PATCH", "/emails/provider", {"enabled": False})
    told = next(each for each in at.plan().skipped if each.what == "Mail provider")
    assert "switched off" in told.message
    assert told.blocking
    found = at.check().findings["Mail provider"]
    assert "switched off" in found.message
    assert "flask tenant apply" not in found.advice


def test_the_password_of_the_mail_server_is_not_shown(at: AtTenant) -> None:
    """The difference names the server only."""
    at.changes_settings(**TENANT_EMAIL)
    at.changes_settings(smtp_url="smtp://ann:p%40ss@mail.example.com:2525")
    change = next(each for each in at.plan().changes if each.what == "Mail provider")
    assert change.lines == ("SMTP:", "  + mail.example.com:2525, with what SMTP_URL says")
    assert change.body["credentials"]["smtp_pass"] == "p@ss"


def test_the_applications_of_a_connection_come_in_pages(at: AtTenant) -> None:
    """Ours may be on a later one; it is not enabled a second time."""
    at.apply()
    ours = {"clients": [{"client_id": at.settings.client_id}]}
    for page in ({"clients": [{"client_id": "another"}], "next": "another"}, ours):
        route = f"GET /api/v2/connections/{at.connection['id']}/clients"
        at.tenant.fails(route, kind="status", status=200, body=page)
    assert at.plan().changes == ()


# Permissions --------------------------------------------------------------------------------------


def with_permissions(at: AtTenant, *scopes: str) -> None:
    assert at.setup is not None
    [grant] = at.api.get("/client-grants", client_id=at.setup.client_id) or []
    at.api.send("PATCH", f"/client-grants/{grant['id']}", {"scope": list(scopes)})


ALL = ("read:clients", "update:clients", "read:client_grants", "read:connections", "read:tenant_settings")  # fmt: skip


@pytest.mark.parametrize("lacking", ["read:tenant_settings", "update:tenant_settings"])
def test_a_missing_permission_is_named_and_the_rest_is_done(at: AtTenant, lacking: str) -> None:
    """Before anything is changed where the token tells, and part by part."""
    at.changes_client(callbacks=[OTHERS])
    api = at.api
    api.scopes()  # its token keeps what is taken from the application now
    with_permissions(at, *(scope for scope in ALL if scope != lacking))
    found = at.plan()
    assert [each.what for each in found.changes] == ["Application"]
    [skipped] = found.skipped
    assert skipped.what == "Password page"
    assert lacking in skipped.message
    done = at.runs("apply", "--yes")
    assert done.exit_code == 1
    assert lacking in done.stderr
    assert "Application: done." in done.stdout
    client = api.get(f"/clients/{at.settings.client_id}")
    assert client
    assert at.settings.callback_url in client["callbacks"]


@pytest.mark.parametrize("ways", WAYS, ids=str)
def test_the_permissions_that_the_page_lists_are_enough(at: AtTenant, ways: dict[str, Any]) -> None:
    """`docs/real-tenant.md` says what to tick; nothing is missing there."""
    page = (ROOT / "docs" / "real-tenant.md").read_text(encoding="utf-8")
    section = page.partition("### 3.")[2].partition("### 4.")[0]
    listed = re.findall(r"`((?:read|create|update):\w+)`", section)
    at.changes_settings(**ways)
    new = "invite_return" in ways
    at.tenant.control("PUT", "/experience", {"experience": "new" if new else "classic"})
    with_permissions(at, *listed)
    found = at.plan()
    assert found.skipped == ()
    assert not [error for _, error in execute(found.changes, at.api) if error]
    findings = at.check().findings
    unknown = {name for name, each in findings.items() if each.level == Level.CANNOT_TELL}
    assert unknown <= {"Ticket host", "Rate limit"}


def test_an_unknown_application_or_connection_is_named(at: AtTenant) -> None:
    """There is nothing to add anything to."""
    at.changes_settings(client_id="nobody", connection="Nowhere")
    told = " ".join(each.message for each in at.plan().skipped)
    assert "AUTH0_CLIENT_ID" in told
    assert "no database connection called Nowhere" in told


def test_an_application_that_is_not_there_is_given_nothing(bare: AtTenant) -> None:
    """Neither a connection nor permissions; the line about the application says why."""
    bare.changes_settings(client_id="nobody", management_client_id="neither")
    found = bare.plan()
    assert [each.what for each in found.changes] == ["Password page"]
    told = " ".join(each.message for each in found.skipped)
    assert "AUTH0_CLIENT_ID." in told
    assert "AUTH0_MANAGEMENT_CLIENT_ID." in told


# The command --------------------------------------------------------------------------------------


def test_the_second_time_there_is_nothing_to_do(at: AtTenant) -> None:
    """The words for people and the exit status for scripts."""
    first = at.runs("apply", "--yes")
    assert first.exit_code == 0, first.output
    assert "Password page: done." in first.stdout
    second = at.runs("apply", "--yes")
    assert (second.exit_code, second.stdout) == (0, "Nothing to do.\n")


def test_what_could_not_be_looked_at_is_not_nothing_to_do(at: AtTenant) -> None:
    """The lines about it go to standard error, and standard output may be all that somebody reads."""
    with_permissions(at, "read:client_grants")
    done = at.runs("apply", "--yes")
    assert (done.exit_code, done.stdout) == (1, "Nothing was changed.\n")
    assert "read:connections" in done.stderr


def test_a_change_that_the_tenant_refuses_is_no_success(bare: AtTenant) -> None:
    """The others are made, and the exit status says that something is left to do."""
    bare.tenant.fails(
        "PATCH /api/v2/clients",
        kind="status",
        status=400,
        body={"message": "No such thing"},
        times=1,
    )
    done = bare.runs("apply", "--yes")
    assert "done." in done.stdout
    assert "No such thing" in done.stderr
    assert done.exit_code == 1
    assert bare.runs("apply", "--yes").exit_code == 0


def test_a_page_of_another_is_replaced_where_the_command_says_so(at: AtTenant) -> None:
    """And not without the option."""
    at.stores_page("<p>Of another</p>")
    for options, is_ours in (((), False), (("--replace",), True)):
        at.runs("apply", "--yes", *options)
        assert (at.page["html"] != "<p>Of another</p>") is is_ours


def test_texts_are_shown_as_they_are(at: AtTenant) -> None:
    """French has spaces that do not break a line."""
    at.changes_settings(**LOGIN_ROUTE)
    done = at.runs("apply", "--dry-run")
    assert "«\u00a0Mot de passe oublié\u00a0?\u00a0»" in done.stdout
    assert "\ufffd" not in done.stdout


def test_a_dry_run_changes_nothing(bare: AtTenant) -> None:
    """It shows the same difference and asks nothing."""
    before = configuration(bare)
    done = bare.runs("apply", "--dry-run")
    assert done.exit_code == 0, done.output
    assert f"    + {bare.settings.callback_url}" in done.stdout
    assert "    + create:user_tickets" in done.stdout
    assert "Nothing was changed." in done.stdout
    assert configuration(bare) == before


def test_it_asks_and_a_no_changes_nothing(bare: AtTenant) -> None:
    """Whoever does not answer has not agreed either."""
    before = configuration(bare)
    for answer in ("n\n", ""):
        done = bare.runs("apply", answer=answer)
        assert "changes at" in done.stdout
        assert done.exit_code == 1
    assert configuration(bare) == before
    assert bare.runs("apply", answer="y\n").exit_code == 0
    assert configuration(bare) != before


def test_it_wants_credentials_of_its_own(at: AtTenant) -> None:
    """The running site's are never used for this."""
    done = at.runs("apply", "--yes", setup=False)
    assert done.exit_code == 1
    assert "TENANT_SETUP_CLIENT_ID" in done.output
    assert at.tenant.calls("POST /oauth/token") == 0


def test_a_tenant_that_cannot_be_reached_is_exit_status_2(at: AtTenant) -> None:
    """One sentence, no traceback."""
    at.changes_settings(management_url="http://localhost:9")
    done = at.runs("apply", "--yes")
    assert (done.exit_code, done.output) == (2, "Error: The tenant does not answer.\n")


def test_it_keeps_to_the_limits_of_the_free_plan(at: AtTenant) -> None:
    """Two calls a second, and the command asks more than that; it waits and finishes."""
    at.tenant.control("PUT", "/plan", {"plan": "free"})
    assert at.plan().changes
    assert at.plan().skipped == ()


def test_a_command_waits_for_as_long_as_the_tenant_asks(at: AtTenant) -> None:
    """Longer than a page would: nothing else comes back to what was left out."""
    wait = {"kind": "status", "status": 429, "headers": {"Retry-After": "3"}, "times": 1}
    at.tenant.fails("GET /api/v2/tenants/settings", **wait)
    assert at.plan().skipped == ()


def test_what_ends_an_invitation_is_permitted_where_the_tenant_mails(at: AtTenant) -> None:
    """Elsewhere nothing looks at the marker, and one permission that is enough stays the only one."""
    for ways, allowed, then in (
        ({}, "create:users", NEEDED),
        (TENANT_EMAIL, "create:users", {*NEEDED, "update:users"}),
        (TENANT_EMAIL, "update:users_app_metadata", {*NEEDED, "update:users_app_metadata"}),
    ):
        at.tenant.control("PUT", "/application", {"management_scope": allowed})
        at.changes_settings(**ways)
        assert at.apply() == []
        grants = at.api.get("/client-grants", client_id=at.settings.management_client_id)
        assert grants
        assert set(grants[0]["scope"]) == then


def test_a_flexible_password_policy_is_told_before_the_page_is_put_in_place(at: AtTenant) -> None:
    """The two exclude each other; whoever is asked should know."""
    at.changes_connection_options(password_options={"complexity": {"min_length": 12}})
    found = at.runs("apply", "--dry-run")
    assert "Password policy: The connection has a Flexible Password Policy" in found.output
    assert found.exit_code == 0
    assert at.apply() == []
    assert "Flexible" not in at.runs("apply", "--dry-run").output
