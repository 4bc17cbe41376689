"""What the guide of the demo says, by the page that is open and by what has happened."""

from dataclasses import replace

import pytest

from invite_site.demo.steps import Addresses, Guided, Scene, next_step
from invite_site.invitations.lifecycle import State

SITE, TENANT = "http://localhost:3000", "http://localhost:3001"
ADDRESSES = Addresses(SITE, "http://127.0.0.1:3000", TENANT, "http://127.0.0.1:3001")
ADA = Guided(
    number=13,
    ref="ada",
    name="Ada",
    email="ada@example.com",
    status=State.SENT,
    has_password=False,
    mail_id="mail1",
    mail_link=f"{TENANT}/lo/reset?ticket=x#",
)
OWNER = Scene(
    addresses=ADDRESSES,
    path="/admin/invitations",
    has_result=False,
    is_form_sent=False,
    status=200,
    is_tenant=False,
    is_invitee=False,
    guided=ADA,
    returns_by_login=False,
)
INVITEE = replace(OWNER, is_invitee=True)


def test_it_works() -> None:
    """A sent invitation leads the owner to its mail, and the invitee from there to its link."""
    assert next_step(OWNER).link == f"{ADDRESSES.mailbox}/mail1"
    assert next_step(OWNER).sentence == "The mail to Ada has arrived."
    read = replace(INVITEE, is_tenant=True, path="/mailbox/mail1")
    assert next_step(read).link == "http://127.0.0.1:3001/lo/reset?ticket=x#"


@pytest.mark.parametrize("status", [State.QUEUED, State.SENDING])
def test_a_mail_before_a_resend_is_not_the_next_step(status: State) -> None:
    """Its link ends with the newer one; until that is out, which takes a while where the mail server is
    away, the guide leads to the mailbox."""
    again = replace(ADA, status=status)
    for scene in (OWNER, INVITEE, replace(INVITEE, is_tenant=True, path="/mailbox/mail1")):
        step = next_step(replace(scene, guided=again))
        assert step.link == ADDRESSES.mailbox
        assert "on its way" in step.sentence


@pytest.mark.parametrize("status", [State.ACCEPTED, State.REVOKED, State.FAILED])
def test_after_an_end_the_next_round_begins(status: State) -> None:
    """From the page of the invitation there is a way on; on the dashboard and on the form the guide
    says how to invite, and not to go back."""
    over = replace(OWNER, guided=replace(ADA, status=status))
    assert next_step(over).link == f"{SITE}/admin/invitations/13"
    on_its_page = next_step(replace(over, path="/admin/invitations/13"))
    assert on_its_page.link in (ADDRESSES.dashboard, f"{SITE}/admin/invitations/new")
    for path in ("/_tenant/dashboard", "/_tenant/dashboard/"):
        on_dashboard = next_step(replace(over, is_tenant=True, path=path))
        assert on_dashboard.words == "Invite somebody"
    on_form = next_step(replace(over, path="/admin/invitations/new"))
    assert on_form.sentence.startswith("Enter any address")


def test_a_page_that_asks_for_a_mail_is_no_page_for_a_password() -> None:
    """*Forgot password?* of either experience: the guide leads to the mail, which it calls neither a
    password that is set nor one to sign in with."""
    for path in ("/login/forgot", "/u/reset-password/request"):
        page = replace(INVITEE, is_tenant=True, path=path)
        assert next_step(page).sentence.startswith("Ask for a mail to ada@example.com")
        sent = next_step(replace(page, is_form_sent=True))
        assert sent.link == f"{ADDRESSES.mailbox}/mail1"


def test_after_a_forgotten_password_there_is_a_way_to_the_login() -> None:
    """The Classic page ends with a sentence and no link, and its mail has one link, which is used then."""
    page = replace(
        INVITEE,
        is_tenant=True,
        path="/lo/reset",
        guided=replace(ADA, status=State.PASSWORD_SET),
    )
    for scene in (page, replace(page, status=400)):
        assert next_step(scene).link.startswith("http://127.0.0.1:3000/login?prompt=login&")
    used = replace(page, path="/u/reset-verify", is_form_sent=True, status=400)
    assert next_step(used).link.startswith("http://127.0.0.1:3000/login?prompt=login&")


def test_on_the_form_the_step_is_to_send_it() -> None:
    """Whatever became of the invitation before, and where the form was refused or shows a preview."""
    for status in (State.SENT, State.ACCEPTED):
        owner = replace(OWNER, guided=replace(ADA, status=status))
        for page in (
            replace(owner, path="/admin/invitations/new"),
            replace(owner, path="/admin/invitations", is_form_sent=True, status=422),
            replace(owner, path="/admin/invitations/preview", is_form_sent=True),
        ):
            assert next_step(page).sentence.startswith("Enter any address")


def test_a_login_page_is_for_who_has_a_password() -> None:
    """The mail has a link to it for later; before, the step is the mail."""
    page = replace(INVITEE, is_tenant=True, path="/login")
    assert next_step(page).link == f"{ADDRESSES.mailbox}/mail1"
    chosen = replace(ADA, status=State.PASSWORD_SET, has_password=True)
    sentence = next_step(replace(page, guided=chosen)).sentence
    assert sentence == "Sign in as ada@example.com with the chosen password, such as Ada-Demo-1!."


def test_before_a_new_password_page_there_is_a_button() -> None:
    """Of New Universal Login, where there is no script to press it."""
    page = replace(INVITEE, is_tenant=True, path="/u/reset-verify")
    assert next_step(page).sentence.startswith("Press the button")
    form = next_step(replace(page, path="/u/reset-password/change"))
    assert form.sentence.startswith("Choose a password")


def test_a_link_of_ours_that_a_newer_one_has_replaced_has_no_button() -> None:
    """Nor has one whose password is set: the step is the newest mail, or the login."""
    newest = replace(ADA, mail_link=f"{SITE}/i/newest")
    page = replace(INVITEE, guided=newest, path="/i/newest")
    assert "press its button" in next_step(page).sentence
    assert next_step(replace(page, path="/i/older")).link == f"{ADDRESSES.mailbox}/mail1"
    chosen = replace(newest, status=State.PASSWORD_SET, has_password=True)
    assert "/login?prompt=login" in next_step(replace(page, guided=chosen)).link
