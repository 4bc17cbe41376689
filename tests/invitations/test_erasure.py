"""What is left of a person who is erased: nothing."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, event, select, update
from sqlalchemy.exc import DatabaseError

from invite_site.database.base import Base
from invite_site.errors import InvitationNotFound, NotPossibleNow
from invite_site.invitations.options import Options
from invite_site.invitations.tables import Invitation, InvitationEvent
from tests.support.accounts import change_user, identity_of
from tests.support.batches import GRACE, people, starts
from tests.support.person import Person
from tests.support.running import PASSWORD, RunningSite, Tenant, accepts

ADA, BOB = "ada@example.com", "bob@example.com"


def stored(engine: Engine, words: Iterable[str]) -> set[str]:
    """The rows of all tables in which one of these words stands."""
    with engine.connect() as db:
        rows = {
            f"{table.name} {row}"
            for table in Base.metadata.sorted_tables
            for row in db.execute(select(table))
        }
    return {row for row in rows if any(word in row for word in words)}


def revoked(site: RunningSite, email: str) -> int:
    """The number of an invitation that is over, and nothing is left to do for."""
    row = site.invites_and_delivers(email)
    site.services.invitations.revoke(row.id, actor="Grace")
    site.delivers()
    return int(row.id)


def test_it_works(site_on: RunningSite, tenant: Tenant, person: Person) -> None:
    """She was in a list, was invited again with a note, accepted, and is signed in. All others stay."""
    services, engine = site_on.services, site_on.services.engine
    starts(
        site_on, "email,name\nada@example.com,Ada Byron\nada@example.com,Ada\nbob@example.com,Bob\n"
    )
    site_on.delivers()
    services.invitations.revoke(services.erasure.find(ADA)[0].id, actor="Grace")
    site_on.delivers()
    note = Options(note="Bring the engine.")
    row = services.invitations.invite(ADA, name="Ada Byron", inviter=GRACE, options=note)
    site_on.delivers()
    assert accepts(person, tenant.link_to(ADA)).heading == "Welcome, Ada Byron"
    site_on.invites_and_delivers("cy@example.com", "Cy")
    user_id = site_on.row(row.id).user_id
    services.sessions.open(identity_of(site_on.row(row.id), sub="google-oauth2|1"))
    others = stored(engine, [BOB, "cy@example.com"])
    hers = [ADA, "Byron", "engine", user_id, row.ref]
    assert {each.partition(" ")[0] for each in stored(engine, hers)} == {
        "invitation", "invitation_event", "delivery", "batch_row", "session",
    }  # fmt: skip

    assert services.erasure.erase("Ada@Example.com") == [user_id]
    assert stored(engine, hers) == set()
    assert others <= stored(engine, [BOB, "cy@example.com"])
    assert services.statistics.recount(site_on.clock()) == []
    assert services.listing.page(now=site_on.clock(), query="byron") == []
    assert not person.opens(site_on.url).heading.startswith("Welcome")  # she is signed out
    with pytest.raises(InvitationNotFound):
        services.erasure.erase(ADA)


def test_nothing_of_it_is_left_in_the_file(site: RunningSite, tmp_path: Path) -> None:
    """SQLite keeps what was deleted until something else takes its place, but where a distribution has
    built it otherwise."""
    engine = site.services.engine
    engine.dispose()
    event.listen(engine, "connect", lambda db, _: db.execute("PRAGMA secure_delete = OFF"))
    note = Options(note="Bring the engine.")
    row = site.services.invitations.invite(ADA, inviter=GRACE, options=note)
    site.services.invitations.revoke(row.id, actor="Grace")
    site.delivers()
    starts(site, people("p", 50))
    site.services.erasure.erase(ADA)
    hers = [ADA.encode(), b"Bring the engine."]
    site.services.erasure.write_file_anew()
    files = [file.read_bytes() for file in tmp_path.glob("site.db*")]
    assert any(b"p49@example.com" in content for content in files)
    assert not any(word in content for content in files for word in hers)


def test_the_number_of_the_newest_one_is_not_given_again(site_on: RunningSite) -> None:
    """A page of it may be open in another tab. What is left of it goes with the next erasure."""
    number = revoked(site_on, ADA)
    site_on.services.erasure.erase(ADA)
    [left] = site_on.services.listing.page(now=site_on.clock())
    assert (left.id, left.email, left.status(site_on.clock())) == (
        number,
        "erased@nobody.invalid",
        "revoked",
    )
    assert revoked(site_on, BOB) > number
    site_on.invites("cy@example.com")
    site_on.services.erasure.erase(BOB)
    assert [row.email for row in site_on.services.listing.page(now=site_on.clock())] == [
        "cy@example.com"
    ]


def test_one_that_followed_and_went_to_another_address_stays(site_on: RunningSite) -> None:
    """It was invited again, and its account has got another address since."""
    revoked(site_on, ADA)
    row = site_on.invites_and_delivers(ADA)
    change_user(site_on, site_on.row(row.id), email=BOB)
    site_on.services.resending.resend(row.id, actor="Grace")
    site_on.delivers()
    site_on.services.invitations.readdress(row.id, BOB, actor="Grace")
    site_on.services.erasure.erase(ADA)
    left = site_on.row(row.id)
    assert (left.email_norm, left.supersedes_id) == (BOB, None)


def test_what_is_not_over_is_not_erased(site_on: RunningSite) -> None:
    """A worker would lose what it has in hand, and the link would work on."""
    erase = site_on.services.erasure.erase
    row = site_on.invites_and_delivers(ADA)
    with pytest.raises(NotPossibleNow, match=f"Invitation {row.id} has not ended"):
        erase(ADA)
    site_on.services.invitations.revoke(row.id, actor="Grace")
    with pytest.raises(NotPossibleNow, match="withdraw its link"):
        erase(ADA)
    assert site_on.row(row.id).email == ADA
    site_on.delivers()
    assert len(erase(ADA)) == 1


def test_whoever_may_invite_is_not_erased(site_on: RunningSite) -> None:
    """They would stand in the list of admins without a word of who they are."""
    row = site_on.invites_and_delivers(ADA)
    who = identity_of(site_on.row(row.id))
    site_on.services.acceptance.complete_login(who, row.ref)
    site_on.services.admins.grant(who.sub, label=ADA, now=site_on.clock())
    with pytest.raises(NotPossibleNow, match=f"{ADA} may invite"):
        site_on.services.erasure.erase(ADA)
    site_on.services.admins.revoke(who.sub)
    assert site_on.services.erasure.erase(ADA) == [who.sub]


def test_somebody_is_found_by_the_address_that_their_account_has_now(site_on: RunningSite) -> None:
    """It stands beside the one that was invited."""
    row = site_on.invites_and_delivers(ADA)
    change_user(site_on, site_on.row(row.id), email="ada@new.example.com")
    who = identity_of(site_on.row(row.id), email="Ada@new.example.com")
    site_on.services.acceptance.complete_login(who, row.ref)
    assert site_on.row(row.id).accepted_email
    assert site_on.services.erasure.erase("ada@new.example.com") == [who.sub]
    assert stored(site_on.services.engine, [ADA, "new.example.com"]) == set()


def test_a_sign_in_that_was_begun_before_ends_as_that_of_anybody(
    site_on: RunningSite, tenant: Tenant, person: Person
) -> None:
    """They had accepted, and opened the link of the mail once more."""
    row = site_on.invites_and_delivers(ADA)
    accepts(person, tenant.link_to(ADA))
    again = f"{site_on.url}/invite/complete?i={row.ref}&success=true"
    with Person() as elsewhere:
        elsewhere.opens(again).presses("Sign in")
        site_on.services.erasure.erase(ADA)
        elsewhere.types(Password=PASSWORD).presses("Continue")
        assert elsewhere.heading == "Welcome"


def test_the_history_of_everybody_else_is_kept(site_on: RunningSite) -> None:
    """It can be deleted of an invitation of nobody alone, and never changed."""
    row = site_on.invites(ADA)
    engine = site_on.services.engine
    of_row = InvitationEvent.invitation_id == row.id
    with pytest.raises(DatabaseError, match="only added to"), engine.begin() as db:
        db.execute(delete(InvitationEvent).where(of_row))
    with engine.begin() as db:
        blank = {"email": "", "email_norm": "", "name": "", "search_text": ""}
        db.execute(update(Invitation).where(Invitation.id == row.id).values(blank))
    with pytest.raises(DatabaseError, match="only added to"), engine.begin() as db:
        db.execute(update(InvitationEvent).where(of_row).values(actor="somebody else"))
