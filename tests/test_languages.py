"""The translations: complete, compiled, and used wherever an invitee reads."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from bs4 import BeautifulSoup
from flask import Flask, g, render_template
from flask_babel import force_locale
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import default_exceptions

from invite_site import create_app
from invite_site.accounts.sessions import Identity
from invite_site.errors import DatabaseOutdated, DatabaseUnusable, TenantUnavailable
from invite_site.invitations.acceptance import LoginOutcome
from invite_site.invitations.tables import Invitation
from invite_site.languages import FOLDER, LANGUAGES, day, language_of, moment
from invite_site.mail.templates import MailKind, templates_in
from invite_site.settings import ROOT
from invite_site.web.security import ForeignForm
from tests.support.databases import copy_sqlite
from tests.support.running import Tenant, settings_for

PLACEHOLDER = re.compile(r"%\(\w+\)s")
TRANSLATED = [each for each in LANGUAGES if each != "en"]
# A language of the tests alone: written from right to left, its words are longer and hold no letter
# of English.
PSEUDO = "he"
LETTERS = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "אבגדהוזחטיכלמנסעפצקרשתאבגד" * 2
)
ENGLISH_WORDS = re.compile(r"[A-Za-z]{2,}")
# Values, which are the same in every language.
VALUES = re.compile(
    r"\S+@example\.com|\S*://\S+|ACME|ADA|GRACE|UTC|English|Deutsch|Español|Français|flask db upgrade|Redis"
)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The sentences of the templates and the code, as `make translations` collects them."""
    file = tmp_path_factory.mktemp("pot") / "messages.pot"
    options = ["-q", "extract", "-F", str(ROOT / "pyproject.toml"), "-k", "marked"]
    with pytest.MonkeyPatch.context() as at_root:
        at_root.chdir(ROOT)
        CommandLineInterface().run(["pybabel", *options, "-o", str(file), "."])  # type: ignore[no-untyped-call]  # Babel says no types
    with file.open("rb") as content:
        return read_po(content)


def catalogue(language: str) -> Catalog:
    with (FOLDER / language / "LC_MESSAGES/messages.po").open("rb") as content:
        return read_po(content, locale=language)


def forms(string: object) -> list[str]:
    """A sentence, or each of its forms for numbers."""
    return [str(each) for each in string] if isinstance(string, list | tuple) else [str(string)]


def sentences(of: Catalog) -> dict[str, list[str]]:
    return {forms(each.id)[0]: forms(each.string) for each in of if each.id}


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated_with_its_values(language: str, found: Catalog) -> None:
    """None is missing, none is guessed, none is left over."""
    translated = catalogue(language)
    assert sentences(found).keys() == sentences(translated).keys()
    for message in translated:
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        values = set(PLACEHOLDER.findall(forms(message.id)[0]))
        for sentence in forms(message.string):
            assert sentence.strip(), message.id
            assert set(PLACEHOLDER.findall(sentence)) == values, sentence
            assert sentence.count("%") == len(PLACEHOLDER.findall(sentence)), sentence


def test_french_supposes_nobody_to_be_a_man_and_breaks_no_line_before_a_sign() -> None:
    """Also where the tenant speaks: on its page for a password, and in the texts of its own pages."""
    said = [each for texts in sentences(catalogue("fr")).values() for each in texts]
    prompts = json.loads((ROOT / "templates/tenant/prompts/custom-text.json").read_text())
    said += [text for page in prompts["fr"]["reset-password"].values() for text in page.values()]
    page = (ROOT / "templates/tenant/pages/password_reset.html").read_text()
    said += re.findall('"([^"]+)"', page.partition(" fr: {")[2].partition("var spoken")[0])
    assert len(said) > len(sentences(catalogue("fr"))) + 15
    assert [each for each in said if re.search(r"\b(invité|connecté)\b", each)] == []
    assert [each for each in said if re.search("[^\N{NO-BREAK SPACE}][?!;»]| :|« ", each)] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    """`make translations` was run after the last change."""
    with (FOLDER / language / "LC_MESSAGES/messages.mo").open("rb") as content:
        compiled = sentences(read_mo(content))
    assert compiled == sentences(catalogue(language))


@pytest.mark.parametrize(
    ("word", "language"),
    [("de", "de"), ("DE-at", "de"), ("fr_CA", "fr"), ("German", "de"), ("alemán", "de"),
     ("Français", "fr"), (" Spanisch ", "es"), ("english", "en"), ("it", None), ("", None)],
)  # fmt: skip
def test_a_language_is_known_by_code_and_by_name(word: str, language: str | None) -> None:
    """In any of our languages."""
    assert language_of(word) == language


def test_a_date_is_written_as_people_write_it() -> None:
    """In French the first day of a month is counted, and no other."""
    first, eleventh = NOW, NOW.replace(day=11)
    assert [moment(first, "fr"), day(first, "fr")] == ["1er mars 2026, 12:00 UTC", "1er mars"]
    assert [moment(eleventh, "fr"), day(eleventh, "fr")] == ["11 mars 2026, 12:00 UTC", "11 mars"]
    assert [day(first, each) for each in ("en", "de", "es")] == ["1 March", "1. März", "1 de marzo"]


# Every page and mail in a language that nobody has read --------------------------------------------


def pseudo(sentence: str) -> str:
    parts = re.split(r"(%\(\w+\)s|`[^`]*`)", sentence)
    written = [
        part
        if number % 2
        else re.sub(r"\w+", lambda word: word[0] + word[0][:2], part).translate(LETTERS)
        for number, part in enumerate(parts)
    ]
    return "".join(written)


@pytest.fixture(scope="module")
def pseudo_folder(found: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = Catalog(locale=PSEUDO)
    for message in found:
        if message.id:
            strings = [pseudo(each) for each in forms(message.id)]
            many = tuple(strings[:1] + strings[-1:] * (written.num_plurals - 1))
            written.add(message.id, many if message.pluralizable else strings[0])
    folder = tmp_path_factory.mktemp("translations")
    file = folder / PSEUDO / "LC_MESSAGES/messages.mo"
    file.parent.mkdir(parents=True)
    with file.open("wb") as content:
        write_mo(content, written)
    return folder


@pytest.fixture
def app(tenant: Tenant, tmp_path: Path, pseudo_folder: Path) -> Flask:
    settings = settings_for(tenant, tmp_path, APP_NAME="ACME", CONTACT_EMAIL="help@example.com")
    copy_sqlite(settings.database_url)
    app = create_app(settings)
    app.extensions["babel"].translation_directories[:] = [str(pseudo_folder)]
    return app


def english_in(html: str) -> list[str]:
    """The English words that a reader would see, or hear read out."""
    soup = BeautifulSoup(html, "html.parser")
    for unseen in soup(["style", "script"]):
        unseen.decompose()
    heard = [
        str(tag[name])
        for name in ("aria-label", "title", "alt")
        for tag in soup.select(f"[{name}]")
    ]
    text = VALUES.sub(" ", " ".join([soup.get_text(" "), *heard]))
    return ENGLISH_WORDS.findall(text)


def invitation(name: str = "ADA") -> Invitation:
    return Invitation(
        ref="ref", email="ada@example.com", email_norm="ada@example.com", name=name,
        inviter="GRACE", expires_at=NOW, last_sent_at=NOW,
    )  # fmt: skip


def pages() -> Iterator[str]:
    """Each page that an invitee may see, in the language that is in force."""
    statuses = ("sent", "queued", "sending", "replaced", "damaged", "password_set", "accepted",
                "expired", "revoked", "failed", "gone", "changed")  # fmt: skip
    for status in statuses:
        for name in ("ADA", ""):
            yield render_template("landing/link.html", status=status, invitation=invitation(name))
    yield render_template("landing/link.html", status="unknown", invitation=None)
    for reason in ("used", "expired", "other"):
        for ref in ("ref", ""):
            for again in (True, False):
                yield render_template(
                    "landing/incomplete.html", reason=reason, ref=ref, can_open_link_again=again
                )
    for asked in (True, False):
        yield render_template("landing/renew.html", ref="ref", asked=asked)
    identity = Identity("sub", "eve@example.com", True, "ADA", "", False)
    for outcome in LoginOutcome:
        if not outcome.has_access:
            yield render_template(
                "auth/no_access.html", outcome=outcome.name, identity=identity, ref="ref"
            )
    codes = ("unknown_state", "tenant_unreachable", "temporarily_unavailable", "clocks_differ",
             "access_denied", "unauthorized", "wrong_issuer", "anything")  # fmt: skip
    for code in codes:
        for is_same_again in (True, False):
            yield render_template(
                "auth/refused.html", code=code, ref="ref", is_same_again=is_same_again
            )
    yield render_template("account/start.html")
    for may_invite in (True, False):
        yield render_template("account/home.html", who=identity, may_invite=may_invite)
    g.session = identity  # somebody is signed in
    yield render_template("landing/signed_in.html", ref="ref", email="")
    for seconds in (1, 40):
        yield render_template("errors/too_many.html", seconds=seconds)


def error_pages(app: Flask) -> Iterator[str]:
    """Each page of an error that an invitee may meet."""
    failures = [*(default_exceptions[code]() for code in (400, 403, 404, 405, 413, 418))]
    failures += [CSRFError(), ForeignForm()]
    outdated = [DatabaseOutdated("-", is_newer=each) for each in (True, False)]
    others = [DatabaseUnusable("-"), *outdated, TenantUnavailable("-"), ValueError()]
    for failure in [*failures, *others]:
        yield str(app.make_response(app.handle_user_exception(failure)).get_data(as_text=True))


def test_no_page_of_an_invitee_holds_a_sentence_that_is_not_translated(app: Flask) -> None:
    """In a language that is made of no English letter; and it says how it is written."""
    with app.test_request_context("/"), force_locale(PSEUDO):
        g.session = None
        for page in [*pages(), *error_pages(app)]:
            soup = BeautifulSoup(page, "html.parser")
            assert english_in(page) == [], soup.h1
            assert soup.html is not None
            assert (soup.html["lang"], soup.html["dir"]) == (PSEUDO, "rtl")


@pytest.mark.parametrize("kind", MailKind)
def test_no_mail_holds_a_sentence_that_is_not_translated(
    kind: MailKind, pseudo_folder: Path
) -> None:
    """Subject, text and HTML, with all that may be in them."""
    templates = templates_in(PSEUDO, Translations.load(str(pseudo_folder), [PSEUDO]))
    for full in (True, False):
        context = {
            "url": "https://tenant.example.com/lo", "renew_url": "https://site.example.com/r",
            "app_name": "ACME", "site_url": "https://site.example.com", "email": "ada@example.com",
            "expires_at": NOW, "expires_in": "5", "name": "ADA" if full else "",
            "inviter": "GRACE" if full else "", "note": "ADA!" if full else "",
            "contact_email": "help@example.com" if full else "", "works_once": full,
            "is_reminder": full,
        }  # fmt: skip
        for part in ("subject.txt", "body.txt", "body.html"):
            text = templates.get_template(f"{kind}/{part}").render(context)
            assert english_in(text) == [], text
    assert 'dir="rtl"' in text
    assert "text-align:right" in text
