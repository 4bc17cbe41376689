"""The tenant's own files: complete, in the Deploy CLI's layout, and safe with what they are given."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from liquid import Environment

from invite_site.errors import ConfigError
from invite_site.languages import LANGUAGES
from invite_site.tenant.setup import files
from tests.support.running import APP_NAME, Tenant, settings_for

HOSTILE = '"><img src=x onerror=alert(1)>'


@pytest.fixture
def desired(tenant: Tenant, tmp_path: Path) -> files.DesiredState:
    return files.read(settings_for(tenant, tmp_path))


def test_it_works(desired: files.DesiredState) -> None:
    """Every keyword is filled in; a name with quotes and brackets stays the name it is."""
    assert desired.application["name"] == APP_NAME
    assert desired.application["callbacks"] == ["http://localhost:3000/callback"]
    assert desired.application["allowed_logout_urls"] == ["http://localhost:3000/"]
    assert desired.application["initiate_login_uri"] == "http://localhost:3000/login"
    assert desired.grant["scope"] == ["create:users", "read:users", "create:user_tickets"]
    assert desired.template["urlLifetimeInSeconds"] == 432000
    assert desired.template["resultUrl"] == "http://localhost:3000/invite/complete"
    everything = json.dumps([getattr(desired, name) for name in desired.__slots__])
    assert "##" not in everything
    assert "@@" not in everything


def test_the_tenant_speaks_every_language_of_the_site(desired: files.DesiredState) -> None:
    """Whoever reads a mail in a language meets a password page in it, of either kind."""
    assert set(desired.texts) == set(LANGUAGES)
    known = re.findall(r"^      ([a-z]{2}): \{$", desired.page["html"], re.MULTILINE)
    assert set(known) == set(LANGUAGES)
    english = desired.texts["en"]
    for texts in desired.texts.values():
        assert {screen: set(words) for screen, words in texts.items()} == {
            screen: set(words) for screen, words in english.items()
        }


def test_all_files_are_where_the_deploy_cli_looks() -> None:
    """JSON beside HTML of the same name, and no folder that tool does not know."""
    found = {
        str(path.relative_to(files.FOLDER)) for path in files.FOLDER.rglob("*") if path.is_file()
    }
    assert found == {
        "README.md",
        "clients/application.json",
        "clients/management.json",
        "grants/management.json",
        "emails/reset_email.json",
        "emails/reset_email.html",
        "pages/password_reset.json",
        "pages/password_reset.html",
        "prompts/custom-text.json",
    }
    for name, key in (("emails/reset_email", "body"), ("pages/password_reset", "html")):
        described = json.loads((files.FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        assert described[key] == f"./{Path(name).name}.html"


def test_the_files_stay_json_before_the_keywords_are_filled_in() -> None:
    """That tool and every editor can read them as they lie there."""
    for path in files.FOLDER.rglob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))


def test_every_keyword_is_known_and_used(tenant: Tenant, tmp_path: Path) -> None:
    """The list in the folder's README is the list of the code."""
    known = set(files.keywords(settings_for(tenant, tmp_path)))
    used = set()
    for path in files.FOLDER.rglob("*"):
        if path.suffix in {".json", ".html"}:
            used |= set(
                re.findall(r"(?:##|@@)([A-Z_]+)(?:##|@@)", path.read_text(encoding="utf-8"))
            )
    readme = (files.FOLDER / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`([A-Z_]+)`", readme))
    assert used == known == listed


def test_an_unknown_keyword_and_broken_json_are_named(tenant: Tenant, tmp_path: Path) -> None:
    """One sentence that names the file."""
    settings = settings_for(tenant, tmp_path)
    for path in files.FOLDER.rglob("*"):
        if path.is_file():
            copy = tmp_path / "own" / path.relative_to(files.FOLDER)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    page = tmp_path / "own" / "pages" / "password_reset.html"
    page.write_text("##SITE_ADDRESS##", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"password_reset\.html has the keyword SITE_ADDRESS"):
        files.read(settings, tmp_path / "own")
    page.unlink()
    with pytest.raises(ConfigError, match=r"password_reset\.html cannot be read"):
        files.read(settings, tmp_path / "own")
    (tmp_path / "own" / "prompts" / "custom-text.json").write_text("{,}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"custom-text\.json is not JSON"):
        files.read(settings, tmp_path / "own")


# The mail -----------------------------------------------------------------------------------------


def mailed(desired: files.DesiredState, **user: Any) -> tuple[str, BeautifulSoup]:
    """Subject and body as Auth0 renders them, which escapes nothing by itself."""
    known: dict[str, Any] = {
        "url": "https://acme.eu.auth0.com/lo/reset?ticket=T#",
        "application": {"name": "Acme & Sons"},
        "user": {"email": "ada@example.com", "app_metadata": {}, **user},
        **{name: user[name] for name in ("url", "application") if name in user},
    }
    subject, body = (
        Environment().from_string(desired.template[part]).render(**known)
        for part in ("subject", "body")
    )
    return subject, BeautifulSoup(body, "html.parser")


def test_the_mail_invites_whoever_is_invited(desired: files.DesiredState) -> None:
    """The marker is the one that the site puts on the account."""
    subject, body = mailed(desired, app_metadata={"invitedToMyApp": True})
    assert subject == "You are invited to Acme & Sons"
    assert "you are invited to Acme & Sons" in body.get_text()
    assert "reset" not in body.get_text().lower()
    link = body.find("a", string="Choose your password")
    assert link is not None
    assert link["href"] == (
        "https://acme.eu.auth0.com/lo/reset?ticket=T#type=invite&app=Acme%20%26%20Sons"
    )


def test_the_note_to_the_password_page_brings_its_own_hash_where_there_is_none(
    desired: files.DesiredState,
) -> None:
    """Auth0's links end in one, and two would hide the note."""
    _, body = mailed(
        desired, app_metadata={"invitedToMyApp": True}, url="https://acme.test/lo/reset?ticket=T"
    )
    link = body.find("a", string="Choose your password")
    assert link is not None
    assert str(link["href"]).startswith("https://acme.test/lo/reset?ticket=T#type=invite&app=")


def test_the_mail_of_a_reset_has_the_link_as_it_is(desired: files.DesiredState) -> None:
    """Nobody is invited there."""
    _, body = mailed(desired)
    link = body.find("a", string="Reset your password")
    assert link is not None
    assert link["href"] == "https://acme.eu.auth0.com/lo/reset?ticket=T#"


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Ada Byron", "Hello Ada Byron,"),
        ("St. John", "Hello St. John,"),
        ("ada@example.com", "Hello,"),  # Auth0's name for those who have none
        ("", "Hello,"),
        ("Claim it at evil.example/x", "Hello Claim it at evil.\u2060example x,"),
    ],
)
def test_the_invitee_is_called_as_the_form_says(
    desired: files.DesiredState, name: str, greeting: str
) -> None:
    """By `name`, which the site sets; and a name makes no link."""
    _, body = mailed(desired, name=name, app_metadata={"invitedToMyApp": True})
    assert greeting in body.get_text()


def test_nobody_else_is_called_by_a_name(desired: files.DesiredState) -> None:
    """Where anybody can sign up, a stranger chose it."""
    _, body = mailed(desired, name="Ada Byron")
    assert "Hello," in body.get_text()


@pytest.mark.parametrize("name", ["Acme Inc.", "Yahoo!", "Who?", "Acme"])
def test_a_name_with_a_full_stop_gets_no_second_one(desired: files.DesiredState, name: str) -> None:
    """In the tenant's mail."""
    _, body = mailed(desired, application={"name": name}, app_metadata={"invitedToMyApp": True})
    stop = "." if name == "Acme" else ""
    assert f"invited to {name}{stop} An account" in body.get_text()


@pytest.mark.parametrize("metadata", [{}, {"invitedToMyApp": False}, {"invitedToMyApp": "yes"}])
def test_the_mail_resets_for_everybody_else(
    desired: files.DesiredState, metadata: dict[str, Any]
) -> None:
    """Only the marker itself counts."""
    subject, body = mailed(desired, app_metadata=metadata)
    assert subject == "Reset your password for Acme & Sons"
    assert "invited" not in body.get_text()
    assert body.find("a", string="Reset your password") is not None


@pytest.mark.parametrize("invited", [True, False])
def test_what_people_call_themselves_stays_text(desired: files.DesiredState, invited: bool) -> None:
    """Auth0's renderer escapes nothing, so the template has to."""
    marker = {"invitedToMyApp": invited}
    _, body = mailed(desired, name=HOSTILE, email=f"{HOSTILE}@example.com", app_metadata=marker)
    assert body.find("img") is None
    assert f"{HOSTILE}@example.com" in body.get_text()


def test_every_value_in_the_mail_is_escaped(desired: files.DesiredState) -> None:
    """All but the link, which Auth0 writes and which is escaped already, and our own full stop."""
    values = re.findall(r"\{\{(.*?)\}\}", desired.template["body"])
    unescaped = {value.strip() for value in values if "| escape" not in value}
    assert unescaped == {"url", "stop", 'application.name | url_encode | replace: "+", "%20"'}


# The password page --------------------------------------------------------------------------------


def test_the_page_puts_nothing_from_the_address_into_markup(desired: files.DesiredState) -> None:
    """The name of the application comes from the fragment, and anybody can write one."""
    html = desired.page["html"]
    for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert sink not in html
    widget = html[html.index("new Auth0ChangePassword") :]
    assert "app" not in re.findall(r"\b\w+\b", widget)
    assert "fragment" not in widget


def test_the_page_carries_auth0s_widget_as_auth0_documents_it(desired: files.DesiredState) -> None:
    """From Auth0's own host, with every value it needs and in the documented form."""
    html = desired.page["html"]
    assert '<script src="https://cdn.auth0.com/js/change-password-1.5.min.js"></script>' in html
    for value in (
        'email: "{{email | escape}}"',
        'csrf_token: "{{csrf_token}}"',
        'ticket: "{{ticket}}"',
        'password_policy: "{{password_policy}}"',
        "password_complexity_options: {{password_complexity_options}}",
    ):
        assert value in html


def test_the_page_is_a_page_for_everybody(desired: files.DesiredState) -> None:
    """Language, title, one heading, a landmark, and a word for those without script."""
    rendered = (
        Environment()
        .from_string(desired.page["html"])
        .render(
            lang="de",
            email='a"b@example.com',
            tenant={"colors": {"primary": "#123456"}, "support_email": "help@example.com"},
        )
    )
    page = BeautifulSoup(rendered, "html.parser")
    assert page.html is not None
    assert page.html["lang"] == "de"
    assert page.title is not None
    assert page.title.get_text()
    assert len(page.find_all("h1")) == 1
    assert page.find("main") is not None
    assert page.find("noscript") is not None
    assert page.find("a", href="mailto:help@example.com") is not None
    assert "#123456" in rendered
    assert 'a"b@' not in rendered


@pytest.mark.parametrize("nothing", [{}, {"support_email": "", "picture_url": ""}])
def test_the_page_leaves_out_what_the_tenant_has_not(
    desired: files.DesiredState, nothing: dict[str, str]
) -> None:
    """In Liquid an empty text counts as true."""
    rendered = Environment().from_string(desired.page["html"]).render(tenant=nothing)
    assert "mailto:" not in rendered
    assert "icon:" not in rendered


# The texts ----------------------------------------------------------------------------------------


def test_each_language_says_the_same_things(desired: files.DesiredState) -> None:
    """The same screens and keys, and no language is a copy of another."""
    shapes = [
        {screen: set(texts) for screen, texts in screens.items()}
        for screens in desired.texts.values()
    ]
    assert all(shape == shapes[0] for shape in shapes)
    titles = {screens["reset-password"]["title"] for screens in desired.texts.values()}
    assert len(titles) == len(desired.texts)


def test_the_texts_use_only_the_names_that_auth0_fills_in(desired: files.DesiredState) -> None:
    """Another name would stand on the page as it is."""
    assert set(re.findall(r"\$\{(\w+)\}", json.dumps(desired.texts))) == {"clientName"}
