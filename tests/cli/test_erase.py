"""`flask invite erase`."""

from tests.support.running import RunningSite

from .conftest import Run

ADA = "ada@example.com"


def test_it_works(site: RunningSite, run: Run) -> None:
    """It shows what it deletes, and says which account is left."""
    row = site.invites_and_delivers(ADA)
    told = run("invite", "erase", ADA, "--yes")
    assert f"{row.id}\tsent\t{ADA}" in told
    assert f"Error: Invitation {row.id} has not ended. Revoke it first.\n[exit 1]" in told
    run("invite", "revoke", ADA)
    site.delivers()
    user_id = site.row(row.id).user_id
    told = run("invite", "erase", ADA.upper(), "--yes")
    assert f"{row.id}\trevoked\t{ADA}" in told
    assert f"Deleted.\nThe account {user_id} is still at the tenant. Delete it there.\n" in told
    assert run("invite", "erase", ADA) == (
        "Error: There is no invitation of this address.\n[exit 1]"
    )


def test_without_a_terminal_it_asks_for_yes(site: RunningSite, run: Run) -> None:
    """What is deleted cannot be had back."""
    row = site.invites(ADA)
    site.services.invitations.revoke(row.id, actor="Grace")
    assert "Add --yes to delete without a question.\n[exit 2]" in run("invite", "erase", ADA)
    assert site.row(row.id).email == ADA
