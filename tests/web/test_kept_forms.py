"""What somebody sent after their session had ended: kept for them, shown again, done by one press.

The tenant still knows who they are, so that the sign-in in between asks nothing.
"""

from urllib.parse import urljoin

from sqlalchemy import event, text

from invite_site.accounts.kept_forms import KeptForm, owner_of
from tests.support.batches import pastes
from tests.support.person import Person
from tests.support.running import (
    ADMIN,
    ADMIN_PASSWORD,
    PASSWORD,
    RunningSite,
    Tenant,
    logs_in,
    sets_password,
    signs_in,
)

ADA = "ada@example.com"
SENTENCE = "You were signed out; nothing was done yet"


def kept(site: RunningSite) -> str:
    """All that is kept, as it is stored."""
    with site.services.engine.connect() as db:
        return str(db.execute(text("SELECT * FROM kept_form")).all())


def test_an_invitation_typed_too_late_is_sent_by_one_press_more(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """After the sign-in the form is there, with what was typed; until it is sent nothing is done."""
    desk.presses("Invite someone")
    site.clock.forward(minutes=31)
    note = "Welcome!\n\nGrace"
    desk.types(Email_address=ADA, Name="Ada Byron", Note=note)
    desk.types(The_link_works_for="86400", Language="de")
    desk.presses("Send invitation")
    assert desk.heading == SENTENCE
    assert desk.sees_in("Note").replace("\r", "") == note
    assert desk.sees_in("Email address") == ADA
    assert desk.sees_in("Name") == "Ada Byron"
    assert "The link works for 1 day Language Deutsch" in desk.text
    assert not site.services.listing.page(now=site.clock())
    desk.presses("Send invitation")
    assert desk.heading == ADA
    assert site.status(ADA) == "queued"
    row = site.row(int(desk.path.rpartition("/")[2]))
    assert (row.note, row.lifetime, row.locale) == (note, 86400, "de")


def test_a_withdrawal_too_late_is_done_by_one_press_more(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """The page names whom it is about, and nobody is led to believe that it was done."""
    row = site.invites_and_delivers(ADA)
    desk.opens(f"{site.url}/admin/invitations/{row.id}").presses("Revoke")
    site.clock.forward(minutes=31)
    desk.types(Reason="Left before the first day.").presses("Revoke")
    assert desk.heading == SENTENCE
    assert ADA in desk.text
    assert desk.sees_in("Reason") == "Left before the first day."
    assert site.status(ADA) == "sent"
    desk.presses("Revoke")
    assert site.status(ADA) == "revoked"
    assert "Left before the first day." in desk.text


def test_a_button_pressed_too_late_is_offered_again(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """Under its own word, and with nothing to fill in."""
    row = site.invites_and_delivers(ADA)
    desk.opens(f"{site.url}/admin/invitations/{row.id}")
    site.clock.forward(minutes=31)
    desk.presses("Resend")
    assert desk.heading == SENTENCE
    desk.presses("Resend")
    assert "A new invitation is on its way" in desk.text


def test_a_pasted_list_survives_line_by_line(site: RunningSite, desk: Person) -> None:
    """However many lines it has."""
    desk.opens(f"{site.url}/admin/batches/new")
    site.clock.forward(minutes=31)
    pasted = "\nada@example.com\nBob <bob@example.com>\n"
    desk.types_into("Or paste the list", pasted).presses("Show preview")
    assert desk.heading == SENTENCE
    assert desk.sees_in("List").split() == pasted.split()
    desk.presses("Show preview")
    assert "Send 2 invitations" in desk.text


def test_a_file_has_to_be_chosen_again(site: RunningSite, desk: Person) -> None:
    """Nothing of it is kept, and the page says so."""
    desk.opens(f"{site.url}/admin/batches/new")
    site.clock.forward(minutes=31)
    desk.chooses("File", "people.csv", b"ada@example.com\n").presses("Show preview")
    assert desk.path == "/admin/batches/new"
    assert f"{SENTENCE}. Choose the file again." in desk.text


def test_a_search_survives_the_sign_in(site: RunningSite, desk: Person) -> None:
    """A page comes back with its query."""
    site.clock.forward(minutes=31)
    desk.opens(f"{site.url}/admin/invitations?q=byron&state=sent")
    assert desk.url == f"{site.url}/admin/invitations?q=byron&state=sent"


def test_a_look_without_the_page_takes_no_form_away(site: RunningSite, desk: Person) -> None:
    """HEAD, as an extension of a browser sends it with the cookies, changes nothing."""
    desk.presses("Invite someone")
    site.clock.forward(minutes=31)
    desk.types(Email_address=ADA)
    answer = desk.sends("Send invitation")
    while "/admin/kept-form" not in (address := urljoin(answer.url, answer.headers["Location"])):
        answer = desk.peeks(address)
    desk.peeks(address, "HEAD")
    assert desk.opens(address).heading == SENTENCE


def test_somebody_else_who_signs_in_there_sees_nothing_of_it(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """A browser may be shared: what an admin typed is theirs."""
    site.invites_and_delivers("bob@example.com")
    site.make_admin("bob@example.com")
    with Person() as bob:
        sets_password(bob, tenant.link_to("bob@example.com"))
    desk.presses("Invite someone")
    site.clock.forward(minutes=31)
    for cookie in desk.browser.cookies.copy():
        if not cookie.name.startswith(("login", "sid")):
            del desk.cookies[cookie.name]  # the tenant has forgotten who signed in there
    desk.types(Email_address=ADA, Name="Ada Byron").presses("Send invitation")
    logs_in(desk, "bob@example.com", PASSWORD)
    assert desk.path == "/admin/invitations"
    assert ADA not in desk.text
    assert "Ada Byron" not in desk.text


def test_it_is_kept_for_a_quarter_of_an_hour(site: RunningSite, desk: Person) -> None:
    """Who comes back later begins anew, at the list, and is not left to believe that it was done."""
    desk.presses("Invite someone")
    site.clock.forward(minutes=31)
    assert desk.types(Email_address=ADA).sends("Send invitation").status_code == 303
    assert "csrf_token" not in kept(site)
    site.clock.forward(minutes=14, seconds=30)
    site.services.kept_forms.sweep()
    assert ADA in kept(site)
    site.clock.forward(seconds=31)
    desk.opens(f"{site.url}/admin/kept-form")
    assert desk.path == "/admin/invitations"
    assert "is not kept any more, and was not done." in desk.text
    assert ADA in kept(site)
    site.services.kept_forms.sweep()
    assert ADA not in kept(site)


def test_another_browser_of_the_same_person_shows_nothing_of_it(
    site: RunningSite, desk: Person, person: Person
) -> None:
    """There they have typed nothing."""
    desk.presses("Invite someone")
    site.clock.forward(minutes=31)
    desk.types(Email_address=ADA).sends("Send invitation")
    signs_in(person, site, start="/admin/kept-form")
    assert person.path == "/admin/invitations"
    assert desk.opens(f"{site.url}/admin/kept-form").heading == SENTENCE


def test_it_is_shown_once(site: RunningSite, desk: Person) -> None:
    """The Back button, the next day, shows no form that was sent meanwhile."""
    desk.presses("Invite someone")
    site.clock.forward(minutes=31)
    desk.types(Email_address=ADA).presses("Send invitation")
    assert desk.heading == SENTENCE
    desk.opens(f"{site.url}/admin/kept-form")
    assert desk.path == "/admin/invitations"


def test_after_signing_out_on_purpose_nothing_is_kept(site: RunningSite, desk: Person) -> None:
    """A form left open in another tab is nobody's, and the page says that nothing was changed. Who signs
    in then comes to the page with that form."""
    row = site.invites(ADA)
    desk.opens(f"{site.url}/admin/invitations/{row.id}/revoke")
    left_open = desk.form("Revoke")
    desk.presses("Sign out")
    desk.shows(desk.browser.request(left_open[0], left_open[1], data=left_open[2], timeout=10))
    assert desk.heading == "This form has lost its cookie"
    assert site.status(ADA) == "queued"
    # Also with a token of since then: the cookie names nobody any more.
    desk.opens(f"{site.url}/invite/renew?i={row.ref}")
    token = desk.form("Send me a new link")[2]["csrf_token"]
    sent = desk.browser.post(left_open[1], data=left_open[2] | {"csrf_token": token}, timeout=10)
    assert kept(site) == "[]"
    desk.shows(sent)
    assert logs_in(desk, ADMIN, ADMIN_PASSWORD).path == f"/admin/invitations/{row.id}/revoke"


def test_a_form_in_another_tab_outlives_a_sign_in_of_the_same_person(
    site: RunningSite, desk: Person
) -> None:
    """Its token still counts, so what was typed is sent."""
    desk.opens(f"{site.url}/admin/invitations/new").types(Email_address=ADA, Note="A long note")
    method, action, fields = desk.form("Send invitation")
    page = desk.url
    site.clock.forward(minutes=31)
    desk.opens(f"{site.url}/admin/invitations")
    assert desk.heading == "Invitations"
    sent = desk.browser.request(method, action, data=fields, headers={"Referer": page}, timeout=15)
    desk.shows(sent)
    assert desk.heading == ADA


def test_a_kept_list_is_no_larger_than_it_was(site: RunningSite, desk: Person) -> None:
    """Letters outside ASCII take three times the room in a form of the usual encoding."""
    name, note = (
        "Константин Константинопольский",
        "Добро пожаловать в команду! Мы рады тебя видеть.",
    )
    rows = (f"person{n}@example.com;{name};{note}" for n in range(9000))
    pasted = "\n".join(["Email;Name;Note", *rows])
    desk.opens(f"{site.url}/admin/batches/new").types_into("Or paste the list", pasted)
    site.clock.forward(minutes=31)
    desk.presses("Show preview")
    assert desk.heading == SENTENCE
    desk.presses("Show preview")
    assert "What would come of its 9,000 rows" in desk.text


def test_a_kept_job_says_how_many_it_is_about(site: RunningSite, desk: Person) -> None:
    """And by which filters: it may be every invitation there is, and cannot be taken back."""
    for number in range(3):
        site.invites(f"p{number}@example.com")
    desk.opens(f"{site.url}/admin/jobs/new?kind=revoke&state=queued")
    site.clock.forward(minutes=31)
    desk.types(Reason="Moved").presses("Revoke invitations")
    assert desk.heading == SENTENCE
    assert "It was about 3 invitations , all that match: Status: queued" in desk.text
    desk.presses("Revoke")
    assert desk.heading == "Revoke 3 invitations"


def test_a_kept_job_about_those_that_were_chosen_is_about_no_others(
    site: RunningSite, desk: Person
) -> None:
    """Their number is that of the choice, and not of the list."""
    for number in range(3):
        site.invites(f"p{number}@example.com")
    desk.opens(f"{site.url}/admin/jobs/new?kind=revoke&id=2")
    site.clock.forward(minutes=31)
    desk.presses("Revoke invitation")
    assert desk.heading == SENTENCE
    assert "It was about 1 invitation ." in desk.text
    desk.presses("Revoke")
    assert desk.heading == "Revoke 1 invitation"


def test_a_kept_batch_is_named(site: RunningSite, desk: Person) -> None:
    """Its button says how many, and the page which list."""
    pastes(desk, site, "ada@example.com\nbob@example.com")
    site.clock.forward(minutes=31)
    desk.presses("Send 2 invitations")
    assert desk.heading == SENTENCE
    assert "It was about the batch Pasted list" in desk.text


def test_a_form_that_is_sent_twice_at_once_is_kept_once(site_on: RunningSite) -> None:
    """As by a double click: the first is being written when the second comes."""
    forms, engine = site_on.services.kept_forms, site_on.services.engine
    texts = ["second", "first"]

    def keeps(*_: object) -> None:
        if texts:
            form = KeptForm("/admin/invitations", [("name", texts.pop())])
            forms.keep(form, browser="browser", owner=owner_of("auth0|ada"))

    def is_interrupted(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO kept_form") and len(texts) == 1:
            keeps()

    event.listen(engine, "before_cursor_execute", is_interrupted)
    keeps()
    event.remove(engine, "before_cursor_execute", is_interrupted)
    kept = forms.take(browser="browser", sub="auth0|ada")
    assert kept == KeptForm("/admin/invitations", [("name", "first")])
    assert forms.take(browser="browser", sub="auth0|ada") is None
