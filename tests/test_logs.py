"""No credential is written down: not in the database, not in a log, not on a page."""

import base64
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
import sqlalchemy
from sqlalchemy.exc import IntegrityError

from invite_site.database.engine import open_engine
from invite_site.logs import Redaction, configure, redact
from tests.support.person import Person
from tests.support.running import (
    ADMIN,
    ADMIN_PASSWORD,
    PASSWORD,
    RunningSite,
    Tenant,
    logs_in,
    running_site,
    sets_password,
    settings_for,
    signs_in,
)

ADDRESSES = ("ada@example.com", "bob+tag@example.com", "cy@example.com")


class Written(logging.Handler):
    """Everything that went through the site's own filter, as the terminal would show it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.addFilter(Redaction())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def log() -> Iterator[Written]:
    written = Written()
    root = logging.getLogger()
    root.addHandler(written)
    yield written
    root.removeHandler(written)


@pytest.fixture
def site(tenant: Tenant, tmp_path: Path, log: Written) -> Iterator[RunningSite]:
    """A site that logs all it can."""
    with running_site(settings_for(tenant, tmp_path, LOG_LEVEL="DEBUG")) as running:
        yield running


def secrets_of(tenant: Tenant, site: RunningSite, people: list[Person]) -> set[str]:
    """Every ticket, code, token and secret that was in play."""
    issued = tenant.state["issued"]
    found = {value for kind in issued.values() for value in kind}
    found |= set(site.settings.secret_keys) | {site.settings.client_secret}
    found |= {PASSWORD, ADMIN_PASSWORD}
    found |= {person.cookie(name) or "" for person in people for name in ("sid", "login")}
    return {secret for secret in found if secret}


def test_the_whole_way_and_its_failures_leave_no_secret_behind(
    site: RunningSite, tenant: Tenant, tmp_path: Path, log: Written
) -> None:
    """The journey three times, with failures on the way, at DEBUG level; then everything is
    searched."""
    people = [Person() for _ in range(4)]
    admin, ada, bob, stranger = people
    site.make_admin()
    signs_in(admin, site, start="/admin/invitations")
    for address in ADDRESSES:
        admin.opens(f"{site.url}/admin/invitations/new")
        admin.types(Email_address=address, Name="Lovelace", Note="Welcome, Countess")
        admin.presses("Send invitation")
    tenant.fails("POST /api/v2/users", kind="status", status=503, times=1)
    tenant.fails("SMTP", kind="reset", at="after_store", times=1)
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=1)
    for _ in range(6):
        site.delivers()
        site.clock.forward(seconds=70)
    sent = [address for address in ADDRESSES if tenant.mails(address)]
    states: list[str] = []
    sets_password(ada, tenant.link_to(sent[0]))
    states += parse_qs(urlsplit(ada.url).query).get("state", [])
    ada.types(Password="wrong").presses("Continue")
    ada.types(Password=PASSWORD).presses("Continue")
    tenant.lies("signature_wrong", times=1)
    sets_password(bob, tenant.link_to(sent[-1]))
    if bob.url.startswith(tenant.url):
        bob.types(Password=PASSWORD).presses("Continue")
    bob.presses("Try again")
    if bob.url.startswith(tenant.url):
        logs_in(bob, ADMIN, ADMIN_PASSWORD)
    stranger.opens(f"{site.url}/callback?code=stolen-code-1234567&state=stolen-state-1234567")
    stranger.opens(f"{site.url}/invite/complete?success=false&message=x&email={sent[0]}")
    with pytest.raises(AssertionError, match="no button"):
        stranger.form("Send invitation")
    logging.getLogger("somebody").error("GET /lo/reset?ticket=%s", "t" * 32)

    site.services.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("site.db*"))
    assert b"ada@example.com" in stored, "searching the wrong files"
    written = "\n".join(log.lines)
    assert "GET landing.complete 302" in written, "searching the wrong log"
    shown = "\n".join(page for person in people for page in person.pages)

    for secret in secrets_of(tenant, site, people):
        assert secret.encode() not in stored
        assert secret not in written
    for secret in secrets_of(tenant, site, []) - {PASSWORD, ADMIN_PASSWORD}:
        site_pages = [
            page
            for person in people
            for page in person.pages
            if "Local tenant" not in page and "local tenant" not in page
        ]
        assert not any(secret in page for page in site_pages)
    for address in (*ADDRESSES, ADMIN):
        assert address not in written
    for word in ("stolen-code", "stolen-state", "t" * 32, *states, "Lovelace", "Countess"):
        assert word not in written
    assert "Invite someone" in shown, "searching the wrong pages"
    for person in people:
        person.__exit__()


def test_the_password_nobody_knows_is_nowhere(
    site: RunningSite, tmp_path: Path, log: Written
) -> None:
    """It exists for the time of one call."""
    site.invites_and_delivers("ada@example.com")
    site.services.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("site.db*"))
    # Its pattern: four kinds of characters in turn, ten times over.
    pattern = rb"(?:[a-z][A-Z][0-9][!@#$%^&*]){10}"
    assert not re.search(pattern, stored)
    assert not re.search(pattern.decode(), "\n".join(log.lines))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("GET /lo/reset?ticket=abcdef&x=1", "GET /lo/reset?ticket=***&x=1"),
        ("/callback?code=abc&state=def", "/callback?code=***&state=***"),
        ("?nonce=a&code_verifier=b&id_token=c", "?nonce=***&code_verifier=***&id_token=***"),
        ("access_token=a&client_secret=b&email=c", "access_token=***&client_secret=***&email=***"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("AUTHORIZATION: BEARER abc.def Ticket=g", "AUTHORIZATION: BEARER *** Ticket=***"),
        ("token eyJhbGciOi.eyJzdWIi.c2ln end", "token *** end"),
        ("to ada.byron+x@example.com now", "to a***@example.com now"),
        ("login_hint=ada%40example.com", "login_hint=***"),
        ("a\r\nb\x1b[31m", "a??b?[31m"),
        ("'ada@example.com', o'hara+x@example.com", "'a***@example.com', o***@example.com"),
        ("id-eyJhbGciOi.eyJzdWIi.c2ln end", "*** end"),
        ("keyJar.json", "keyJar.json"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_the_filter_takes_out_what_it_knows(text: str, kept: str) -> None:
    """A second net under lines that hold only ids and codes."""
    assert redact(text) == kept


@pytest.mark.parametrize(
    "part", ["A.", "-", "a@", "a@a.", "eyJa-", "eyJa.", "@", ".", "Bearer ", "state="]
)
@pytest.mark.timeout(60)  # what looks again from each letter would take minutes
def test_a_long_text_is_filtered_in_one_pass(part: str) -> None:
    """Strangers choose some of what is logged, and their words may be long."""
    for text in (part * 100_000, f"a@{part * 100_000}", f"{part * 100_000}.@"):
        redact(text)


def test_a_method_that_there_is_not_is_not_logged(site: RunningSite, log: Written) -> None:
    """It may be any word, as long as the head of a request."""
    answer = requests.request("X" * 5000, site.url, timeout=10)
    assert answer.status_code == 405
    [line] = [each for each in log.lines if " 405 " in each]
    assert line.startswith("unknown ")


def test_the_text_of_a_callback_is_not_logged(
    site: RunningSite, tenant: Tenant, person: Person, log: Written
) -> None:
    """Anybody can write one into an address; a refusal that the standards know is named."""
    for error, named in (("access_denied", "access_denied"), ("Pay here", "refused")):
        person.opens(f"{site.url}/login")
        sent_to = person.response.history[0].headers["Location"]
        [state] = parse_qs(urlsplit(sent_to).query)["state"]
        query = urlencode({"error": error, "state": state, "iss": f"{tenant.url}/"})
        assert person.opens(f"{site.url}/callback?{query}").response.status_code == 403
        assert f"sign-in refused: {named}" in log.lines
    assert "Pay here" not in "\n".join(log.lines)


def test_an_error_of_ours_is_logged_with_where_it_happened(
    site: RunningSite, person: Person, log: Written
) -> None:
    """The page says that it has been noted."""
    with site.services.engine.begin() as db:
        db.exec_driver_sql("ALTER TABLE login_transaction RENAME TO elsewhere")
    person.opens(f"{site.url}/login")
    assert person.response.status_code == 500
    assert person.heading == "Something went wrong here"
    [line] = [each for each in log.lines if each.startswith("unforeseen error in auth.login")]
    assert "Traceback" in line
    assert "no such table: login_transaction" in line


def test_the_filter_reaches_into_tracebacks(log: Written) -> None:
    """An exception's text is a line like any other."""
    try:
        raise ValueError("https://x/lo/reset?ticket=secretsecret for ada@example.com")
    except ValueError:
        logging.getLogger("somebody").exception("it broke")
    assert "secretsecret" not in log.lines[-1]
    assert "ada@example.com" not in log.lines[-1]
    assert "ValueError" in log.lines[-1]


def test_a_row_that_the_database_refuses_is_not_logged(database_url: str, log: Written) -> None:
    """PostgreSQL adds it to its error as a whole."""
    engine = open_engine(database_url)
    row = {"name": "Team (all).\nAda Byron", "inviter": "Grace Hopper"}
    try:
        with engine.begin() as db:
            statement = "INSERT INTO batch (name, inviter) VALUES (:name, :inviter)"
            db.execute(sqlalchemy.text(statement), row)
    except IntegrityError:
        logging.getLogger("somebody").exception("it broke")
    engine.dispose()
    [line] = log.lines
    assert "IntegrityError" in line
    assert "batch" in line
    assert not any(words in line for words in ("Team", "Ada", "Grace"))


def test_a_line_begins_with_its_time_in_utc(tenant: Tenant, tmp_path: Path) -> None:
    """As pages and commands tell it, wherever the machine stands; and says that it is UTC."""
    root = logging.getLogger()
    earlier, root.handlers = root.handlers, []
    try:
        configure(settings_for(tenant, tmp_path))
        [ours] = root.handlers
    finally:
        root.handlers = earlier
    record = logging.LogRecord("invite_site.web", logging.INFO, "", 0, "GET home.index", (), None)
    record.created, record.msecs = 1_795_996_800.25, 250
    assert ours.format(record) == "2026-11-30T00:00:00.250Z INFO invite_site.web: GET home.index"


def test_a_cookie_holds_no_words(site: RunningSite, person: Person) -> None:
    """The signed cookie can be read by whoever holds it: it names nobody."""
    signs_in(person, site)
    cookie: Any = person.cookie("login")
    payload = cookie.split(".")[0]
    assert b"@" not in base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
