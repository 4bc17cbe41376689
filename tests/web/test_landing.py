"""`/invite/complete` believes nothing: it chooses a page or begins a login."""

from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Connection, Engine, event, text

from tests.support.person import Person
from tests.support.running import (
    PASSWORD,
    RunningSite,
    Tenant,
    sets_password,
    signs_in,
    wait_until,
)


@pytest.fixture
def ref(site: RunningSite) -> str:
    """The ref of an invitation that was sent to Ada."""
    row = site.invites_and_delivers("ada@example.com")
    return str(row.ref)


def contents(site: RunningSite) -> dict[str, list[object]]:
    """Everything the site has stored, but for logins under way."""
    tables = ("invitation", "invitation_event", "delivery", "session", "admin_grant", "pause")
    with site.services.engine.connect() as db:
        return {
            table: [tuple(row) for row in db.execute(text(f"SELECT * FROM {table}"))]  # noqa: S608
            for table in tables
        }


def hint_of(location: str) -> list[str]:
    return parse_qs(urlsplit(location).query).get("login_hint", [])


def test_it_works(site: RunningSite, person: Person, ref: str) -> None:
    """`success=true` and a known ref: at once to the login, with the stored address."""
    answer = person.peeks(f"{site.url}/invite/complete?i={ref}&success=true")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(f"{site.settings.tenant_url}/authorize?")
    assert hint_of(answer.headers["Location"]) == ["ada@example.com"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "success=",
        "success=false",
        "success=True",
        "success=TRUE",
        "success=1",
        "success=true%20",
        "success=%20true",
        "success=true%00",
        "success=true&success=true",
        "success=true&success=false",
        "success=false&success=true",
        "success[]=true",
        "Success=true",
        "code=success",
    ],
)
def test_anything_but_exactly_true_is_a_page_and_changes_nothing(
    site: RunningSite, person: Person, ref: str, query: str
) -> None:
    """A friendly page with one way on, no redirect, nothing written."""
    before = contents(site)
    person.opens(f"{site.url}/invite/complete?i={ref}&{query}")
    assert person.response.status_code == 200
    assert not person.response.history
    assert person.heading == "Your password was not set"
    assert person.form("Sign in")
    assert contents(site) == before


@pytest.mark.parametrize(
    ("message", "heading"),
    [
        ("This URL can be used only once", "This link has been used already"),
        ("Access expired.", "This link has expired"),
        ("Access expired", "This link has expired"),
        ("The operation cannot be completed. Please try again.", "Your password was not set"),
        ("<script>alert(1)</script> pay here", "Your password was not set"),
    ],
)
def test_the_message_chooses_among_our_words_and_is_never_shown(
    site: RunningSite, person: Person, ref: str, message: str, heading: str
) -> None:
    """Anybody can write a message into an address."""
    person.opens(f"{site.url}/invite/complete?i={ref}&success=false&message={message}")
    assert person.heading == heading
    assert "cannot be completed" not in person.text
    assert "pay here" not in person.response.text


def test_a_new_link_is_promised_only_where_it_can_be_asked_for(
    site: RunningSite, person: Person, ref: str
) -> None:
    """Without its invitation the page can only name whom to write to."""
    for named, is_promised in ((ref, True), ("", False)):
        person.opens(f"{site.url}/invite/complete?i={named}&success=false&message=Access expired")
        assert person.heading == "This link has expired"
        assert ("A new link goes to the address that was invited." in person.text) == is_promised
        assert ("Get a new link" in person.text) == is_promised


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("email=bob%40example.com", ["bob@example.com"]),
        ("email=a%2Btag%40example.com", ["a+tag@example.com"]),
        ("email=a+tag%40example.com", ["a+tag@example.com"]),  # a `+` that nobody encoded
        ("email=O%27Brien%40example.com", ["O'Brien@example.com"]),
        ("email=x%40y.test", ["x@y.test"]),
        ("", []),
        ("email=", []),
        ("email=nonsense", []),
        ("email=a%40example.com&email=b%40example.com", []),
        ("email=a%40example.com%0d%0aX-Evil:1", []),
        ("email=" + "a" * 300 + "%40example.com", []),
        ("email=%3Cscript%3E%40example.com", []),
    ],
)
def test_without_a_known_ref_the_address_given_is_a_hint_if_it_looks_like_one(
    site: RunningSite, person: Person, query: str, hint: list[str]
) -> None:
    """The page goes on to the login; the form there shows the hint, or nothing."""
    before = contents(site)
    answer = person.peeks(f"{site.url}/invite/complete?i=unknown&success=true&{query}")
    assert answer.status_code == 302
    assert hint_of(answer.headers["Location"]) == hint
    assert contents(site) == before
    with site.services.engine.connect() as db:
        assert db.execute(text("SELECT count(*) FROM login_transaction")).scalar() == 1


def test_the_hint_is_the_address_that_the_account_has(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The tenant compares what is typed with that; not every browser writes the domain of letters beyond
    ASCII in the other form."""
    address = "jo@xn--bcher-kva.example"
    row = site.invites_and_delivers("jo@bücher.example")
    sets_password(person, tenant.link_to(address))
    assert person.sees_in("Email address") == address
    person.types(Password=PASSWORD).presses("Continue")
    assert site.row(row.id).state == "accepted"
    with Person() as again:
        again.opens(f"{site.url}/invite/complete?i={row.ref}&success=true").presses("Sign in")
        assert again.sees_in("Email address") == address
    with Person() as unknown:
        answer = unknown.peeks(f"{site.url}/invite/complete?success=true&email={address}")
        assert hint_of(answer.headers["Location"]) == [address]


def test_coming_back_is_noted_as_a_hint_once(site: RunningSite, person: Person, ref: str) -> None:
    """The first return is noted; the state does not move."""
    for _ in range(3):
        person.peeks(f"{site.url}/invite/complete?i={ref}&success=true")
    row = site.services.ledger.by_ref(ref)
    assert row is not None
    assert row.state == "sent"
    assert row.result_seen_at is not None
    events = [event.event for event in site.services.listing.events(row.id)]
    assert events.count("result_seen") == 1


def commits(engine: Engine) -> list[Connection]:
    """The commits that this engine makes from now on."""
    made: list[Connection] = []
    event.listen(engine, "commit", made.append)
    return made


@pytest.mark.parametrize("is_signed_in", [False, True])
def test_a_look_without_the_page_is_no_return(
    site: RunningSite, person: Person, ref: str, is_signed_in: bool
) -> None:
    """HEAD, as a program between may send it with the browser's cookies, changes nothing. It begins no
    login either: no browser keeps what would end it."""
    if is_signed_in:
        signs_in(person, site)
    before = contents(site)
    for path in (f"/invite/complete?i={ref}&success=true", f"/invite/sign-in?i={ref}", "/login"):
        assert person.peeks(site.url + path, "HEAD").status_code in (200, 302)
    assert contents(site) == before
    with site.services.engine.connect() as db:
        assert not db.scalar(text("SELECT count(*) FROM login_transaction"))


def test_a_landing_commits_once_and_waits_for_no_disk(site: RunningSite, person: Person) -> None:
    """The note of the return travels with the login that begins."""
    ref = site.invites("ada@example.com").ref
    site.delivers()
    durable, quick = commits(site.services.engine), commits(site.services.logins_engine)
    person.peeks(f"{site.url}/")  # after the first request of a minute old logins are removed
    wait_until(lambda: len(durable) == 1, "old logins were removed")
    person.peeks(f"{site.url}/invite/complete?i={ref}&success=true")
    assert (len(durable), len(quick)) == (1, 1)
    found = site.services.ledger.by_ref(ref)
    assert found is not None
    assert found.result_seen_at is not None


def test_what_a_callback_decides_outlasts_a_power_cut(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The acceptance and the session are committed with a wait for the disk; logins are not."""
    site.invites_and_delivers("ada@example.com")
    sets_password(person, tenant.link_to("ada@example.com"))
    durable = commits(site.services.engine)
    person.types(Password=PASSWORD).presses("Continue")
    assert site.status("ada@example.com") == "accepted"
    assert len(durable) >= 2
    for engine, synchronous in ((site.services.engine, 2), (site.services.logins_engine, 1)):
        with engine.connect() as db:
            assert db.execute(text("PRAGMA synchronous")).scalar() == synchronous


def test_a_return_is_noted_only_together_with_the_login_it_begins(
    site_on: RunningSite, person: Person
) -> None:
    """A login that cannot be kept leaves no note behind, on both kinds of database."""
    row = site_on.invites_and_delivers("ada@example.com")
    address = f"{site_on.url}/invite/complete?i={row.ref}&success=true"
    with site_on.services.engine.begin() as db:
        db.execute(text("ALTER TABLE login_transaction RENAME TO elsewhere"))
    assert person.peeks(address).status_code >= 500
    assert site_on.row(row.id).result_seen_at is None
    with site_on.services.engine.begin() as db:
        db.execute(text("ALTER TABLE elsewhere RENAME TO login_transaction"))
    assert person.peeks(address).status_code == 302
    assert site_on.row(row.id).result_seen_at is not None


def test_the_tenant_is_not_asked_about_who_signs_in_at_once(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The callback says all there is to know, so no call is spent on a check."""
    row = site.invites_and_delivers("ada@example.com")
    sets_password(person, tenant.link_to("ada@example.com"))
    asked = tenant.calls("GET /api/v2/users")
    site.delivers()
    person.types(Password=PASSWORD).presses("Continue")
    site.clock.forward(seconds=16)
    site.delivers()
    assert tenant.calls("GET /api/v2/users") == asked
    assert site.row(row.id).check_at is None


def test_a_withdrawn_invitation_has_its_own_page(
    site: RunningSite, person: Person, ref: str
) -> None:
    """No login is begun, whatever `success` says."""
    row = site.services.ledger.by_ref(ref)
    assert row is not None
    site.services.invitations.revoke(row.id, actor="Grace")
    for success in ("true", "false"):
        person.opens(f"{site.url}/invite/complete?i={ref}&success={success}")
        assert person.heading == "This invitation was withdrawn"
        assert "help@example.com" in person.text


def test_somebody_signed_in_is_asked_first(
    site: RunningSite, tenant: Tenant, person: Person, ref: str
) -> None:
    """No redirect over the head of who is signed in, and their session is left alone."""
    signs_in(person, site)
    session = person.cookie("sid")
    person.opens(f"{site.url}/invite/complete?i={ref}&success=true&email=eve@evil.example")
    assert person.heading == "Continue as the invited person?"
    assert person.cookie("sid") == session
    person.presses("Stay signed in as I am")
    assert "admin@example.com" in person.text


def test_who_is_asked_first_keeps_the_hint_of_an_address_without_a_ref(
    site: RunningSite, person: Person
) -> None:
    """As Auth0 appends it; nobody types it again."""
    signs_in(person, site)
    person.opens(f"{site.url}/invite/complete?success=true&email=bob%40example.com")
    person.presses("Continue as the invited person")
    assert person.sees_in("Email address") == "bob@example.com"


def test_the_link_of_a_sign_in_mail_asks_somebody_signed_in_first(
    site: RunningSite, person: Person, ref: str
) -> None:
    """Anybody can send that address too."""
    signs_in(person, site)
    session = person.cookie("sid")
    person.opens(f"{site.url}/invite/sign-in?i={ref}")
    assert person.heading == "Continue as the invited person?"
    assert person.cookie("sid") == session


def test_who_is_asked_meets_the_end_of_the_invitation(
    site: RunningSite, person: Person, ref: str
) -> None:
    """Nobody signs in first, to be told then."""
    signs_in(person, site)
    person.opens(f"{site.url}/invite/complete?i={ref}&success=true")
    row = site.services.ledger.by_ref(ref)
    assert row is not None
    site.services.invitations.revoke(row.id, actor="Grace")
    person.presses("Continue as the invited person")
    assert person.heading == "This invitation was withdrawn"


def test_who_is_asked_can_go_on_as_the_invited_person(
    site: RunningSite, tenant: Tenant, person: Person, ref: str
) -> None:
    """The login starts fresh with the invited address; the invitation is accepted by its owner."""
    signs_in(person, site)
    sets_password(person, tenant.link_to("ada@example.com"))
    assert person.heading == "Continue as the invited person?"
    person.presses("Continue as the invited person")
    assert person.response.history[0].status_code == 303, "the form goes nowhere else"
    assert person.sees_in("Email address") == "ada@example.com"
    person.types(Password="Correct-Horse-9").presses("Continue")
    assert "ada@example.com" in person.text
    assert site.status("ada@example.com") == "accepted"


def test_an_accepted_invitation_leads_to_the_sign_in(
    site: RunningSite, tenant: Tenant, person: Person, ref: str
) -> None:
    """Coming back once more is no dead end and begins no login by itself."""
    sets_password(person, tenant.link_to("ada@example.com"))
    person.types(Password="Correct-Horse-9").presses("Continue")
    with Person() as later:
        later.opens(f"{site.url}/invite/complete?i={ref}&success=true")
        assert later.heading == "You have accepted this invitation"
        later.presses("Sign in")
        sent_to = later.response.history[0].headers["Location"]
        assert hint_of(sent_to) == ["ada@example.com"]
        assert "prompt=" not in sent_to, "whom the tenant knows here, it need not ask"


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "Forwarded"])
def test_a_forged_host_changes_no_address(site: RunningSite, ref: str, header: str) -> None:
    """Links are built from SITE_URL, never from the request."""
    value = "host=evil.example" if header == "Forwarded" else "evil.example"
    answer = site.app.test_client().get(
        f"/invite/complete?i={ref}&success=true", headers={header: value}
    )
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query["redirect_uri"] == [f"{site.url}/callback"]


@pytest.mark.parametrize(
    "ref", ["%00", "a%00b", "x" * 5000, "%F0%9F%92%A9", "%ff%fe", "' OR 1=1 --"]
)
def test_a_ref_of_any_shape_is_just_unknown(site_on: RunningSite, person: Person, ref: str) -> None:
    """On both kinds of database."""
    for success in ("true", "false"):
        answer = person.peeks(f"{site_on.url}/invite/complete?i={ref}&success={success}")
        assert answer.status_code == (302 if success == "true" else 200)
