"""The language of the pages and mails of an invitation, from the form to the tenant's login."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import Result

from invite_site.invitations.options import Options
from invite_site.invitations.people import Inviter
from invite_site.settings import LinkKind
from tests.support.accounts import api, change_user
from tests.support.person import Person
from tests.support.running import (
    PASSWORD,
    RunningSite,
    Tenant,
    running_site,
    sets_password_quietly,
    signs_in,
)

ADA = "ada@example.com"
WITHDRAWN = {
    "en": "This invitation was withdrawn",
    "de": "Diese Einladung wurde zurückgezogen",
    "es": "Esta invitación ha sido retirada",
    "fr": "Cette invitation a été retirée",
}


def speaking(wanted: str) -> Person:
    """A person whose browser asks for these languages."""
    somebody = Person()
    somebody.browser.headers["Accept-Language"] = wanted
    return somebody


def withdrawn(site: RunningSite, language: str | None) -> str:
    """The address of the page of a withdrawn invitation in this language."""
    row = invited(site, language, f"{language}@example.com")
    site.services.invitations.revoke(row.id, actor="Grace")
    return f"{site.url}/invite/complete?i={row.ref}&success=true"


def invited(site: RunningSite, language: str | None, email: str = ADA) -> Any:
    return site.services.invitations.invite(
        email, inviter=Inviter("Grace Hopper"), options=Options(language=language)
    )


def test_a_page_speaks_as_chosen_as_invited_or_as_the_browser_asks(site: RunningSite) -> None:
    """In this order; English where none of them is a language of ours."""
    pages = {language: withdrawn(site, language) for language in ("de", None)}
    for asked, invitation, shown in (
        ("fr", "de", "de"), ("fr-CA,fr;q=0.9", None, "fr"), ("it, es;q=0.5", None, "es"),
        ("it", None, "en"), ("", None, "en"), ("*", None, "en"), ("xx;q=nonsense", None, "en"),
    ):  # fmt: skip
        with speaking(asked) as somebody:
            somebody.opens(pages[invitation])
            assert somebody.heading == WITHDRAWN[shown], asked
            assert somebody.soup.html is not None
            assert somebody.soup.html["lang"] == shown
            assert somebody.response.headers["Content-Language"] == shown
            assert "Accept-Language" in somebody.response.headers["Vary"]
            if asked == "fr":
                somebody.presses("Español")
                assert somebody.heading == WITHDRAWN["es"]
                assert parse_qs(urlsplit(somebody.url).query)["lang"] == ["es"]
                somebody.opens(pages[invitation])
                assert somebody.heading == WITHDRAWN["es"]
                somebody.opens(f"{site.url}/?lang=klingon")
                assert somebody.sees_link("Français")
                assert somebody.offers("Iniciar sesión")


def test_the_login_of_an_invitee_is_asked_for_in_the_same_language(site: RunningSite) -> None:
    """And that page is made without a word of ours. To an admin it speaks as their browser asks."""
    row = invited(site, "de")
    with speaking("fr") as somebody:
        begun = somebody.peeks(f"{site.url}/admin/invitations").headers["Location"]
        assert "ui_locales" not in parse_qs(urlsplit(begun).query)
        answer = somebody.peeks(f"{site.url}/invite/complete?i={row.ref}&success=true")
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert query["ui_locales"] == ["de"]
        answer = somebody.peeks(f"{site.url}/login")
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert query["ui_locales"] == ["fr"]


@pytest.mark.parametrize("end", ["refused", "withdrawn", "the tenant is away"])
def test_a_sign_in_that_fails_speaks_the_language_of_its_invitation(
    site: RunningSite, tenant: Tenant, end: str
) -> None:
    """As every page before it, whatever the browser asks for."""
    row = invited(site, "de")
    site.delivers()
    sets_password_quietly(tenant.link_to(ADA))
    if end == "the tenant is away":  # which alone knows that another account has taken the place
        change_user(site, site.row(row.id), deleted=True)
        account = {"email": ADA, "password": PASSWORD, "email_verified": True}
        api(site).send("POST", "/users", account | {"connection": site.settings.connection})
        tenant.fails("GET /api/v2/users", kind="status", status=503, times=None)
    with speaking("fr") as somebody:
        somebody.opens(f"{site.url}/invite/complete?i={row.ref}&success=true")
        if end == "refused":
            tenant.lies("signature_wrong", times=1)
        if end == "withdrawn":
            site.services.invitations.revoke(row.id, actor="Grace")
        somebody.types(Password=PASSWORD).presses("Continue")
        assert somebody.path == "/callback"
        assert somebody.cookie("sid") is None
        assert somebody.response.headers["Content-Language"] == "de"


def test_an_older_link_of_ours_speaks_the_language_of_its_invitation(
    site: RunningSite, tenant: Tenant
) -> None:
    """Though only the page finds out whose it was."""
    settings = replace(site.settings, link=LinkKind.LANDING)
    with running_site(settings, clock=site.clock) as landing, speaking("fr") as somebody:
        row = invited(landing, "de")
        landing.delivers()
        older = next(word for word in tenant.mails(ADA)[0]["Text"].split() if "/i/" in word)
        landing.services.resending.resend(row.id, actor="Grace")
        landing.delivers()
        somebody.opens(older)
        assert somebody.response.headers["Content-Language"] == "de"


def test_the_page_for_a_new_link_does_not_tell_the_language_of_an_invitation(
    site: RunningSite,
) -> None:
    """It is the same for every ref; the browser's language and the choice count."""
    row = invited(site, "de")
    with speaking("fr") as somebody:
        for ref in (row.ref, "A" * len(row.ref)):
            somebody.opens(f"{site.url}/invite/renew?i={ref}")
            assert somebody.heading == "Obtenir un nouveau lien"
        somebody.opens(f"{site.url}/invite/renew?i={row.ref}").presses(
            "M\u2019envoyer un nouveau lien"
        )
        assert somebody.heading == "Consultez votre messagerie"


def test_the_mail_speaks_the_language_of_the_invitation(site: RunningSite, tenant: Tenant) -> None:
    """From the form of an admin, who sees it there; without one, English."""
    site.make_admin()
    with speaking("de") as admin:
        signs_in(admin, site, start="/admin/invitations/new")
        assert admin.heading == "Invite someone"
        assert '<html lang="en"' in admin.response.text, "the pages of admins are English"
        assert 'hreflang="' not in admin.response.text
        admin.types(Email_address=ADA, Language="fr").presses("Preview")
        assert "vous invite à rejoindre" in admin.text
        admin.presses("Send invitation")
        assert "Language Français" in admin.text
    site.invites_and_delivers("eve@example.com")
    [mail], [english] = tenant.mails(ADA), tenant.mails("eve@example.com")
    assert "vous invite à rejoindre" in mail["Subject"]
    assert "Choisissez votre mot de passe ici" in mail["Text"]
    assert '<html lang="fr" dir="ltr">' in mail["HTML"]
    assert "invites you to" in english["Subject"]


def test_a_command_takes_a_language_by_code_or_name(site: RunningSite) -> None:
    """And says which ones there are."""

    def sends(email: str, language: str) -> Result:
        command = ["invite", "send", email, "--language", language]
        return site.app.test_cli_runner().invoke(args=command)

    for number, word in enumerate(("es", "Spanish", "Español")):
        assert sends(f"p{number}@example.com", word).exit_code == 0
        row = site.services.ledger.open_of(f"p{number}@example.com")
        assert row is not None
        assert row.locale == "es"
    refused = sends(ADA, "Klingon")
    assert refused.exit_code != 0
    assert "English, Deutsch, Español, Français" in refused.output


@pytest.mark.parametrize("header", ["Language", "Sprache"])
def test_a_list_has_a_column_of_languages(site_on: RunningSite, header: str) -> None:
    """By code or name; a word that is no language is a mistake of its row."""
    batches = site_on.services.batches
    rows = (
        f"Email,Name,{header}\na@example.com,Ada,German\nb@example.com,,\nc@example.com,,Elvish\n"
    )
    grace = Inviter("Grace Hopper")
    batch = batches.preview(rows.encode(), name="list", inviter=grace)
    assert batch.ignored == []
    bad = batches.rows(batch.id, after=None, size=9).rows[0]
    assert (bad.email, bad.reason[:10]) == ("c@example.com", "Elvish is ")
    batches.correct(batch.id, bad.id, bad.email, "")
    assert batches.start(batch.id, inviter=grace).opened == 3
    made = [site_on.services.ledger.open_of(f"{name}@example.com") for name in "abc"]
    assert [row.locale for row in made if row] == ["de", None, None]
