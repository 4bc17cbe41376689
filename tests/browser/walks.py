"""What owners do, from the overview by what they read there: for the tests, and for docs/using.md.

The site is that of the demo, with its story. Each walk is about people that no other walk changes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Locator, Page, expect

WALKS: dict[str, Callable[["Owner"], None]] = {}
MOST_CLICKS = 3  # typing not counted


def walk(title: str) -> Callable[[Callable[["Owner"], None]], Callable[["Owner"], None]]:
    """Add a walk, under the heading that it has in docs/using.md."""

    def add(steps: Callable[["Owner"], None]) -> Callable[["Owner"], None]:
        WALKS[title] = steps
        return steps

    return add


@dataclass
class Owner:
    """An admin before the overview. `clicked` has the labels in their order; `shows` is called where a
    picture says more."""

    page: Page
    url: str
    shows: Callable[[Page], object] = lambda _: None
    clicked: list[str] = field(default_factory=list)

    def begins(self) -> None:
        self.page.goto(f"{self.url}/admin/")
        self.clicked.clear()

    def clicks(self, label: str, *, beside: str = "") -> None:
        """Click what has this label; where several do, that in the row of somebody."""
        self.clicked.append(label)
        self._labelled(label, beside).click()

    def types(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def finds(self, text: str) -> None:
        """Type into the search of the overview, and press Enter."""
        self.types("Address or name", text)
        self.page.get_by_label("Address or name").press("Enter")

    def sees(self, text: str) -> None:
        expect(self.page.get_by_role("main")).to_contain_text(text)

    def invites(self, address: str) -> None:
        """What has to be there before a walk begins."""
        self.page.goto(f"{self.url}/admin/invitations/new")
        self.types("Email address", address)
        self.clicks("Send invitation")
        expect(self.page.get_by_role("heading", name=address)).to_be_visible()
        self.begins()

    def lets_invite(self, address: str) -> None:
        """Likewise."""
        self.page.goto(f"{self.url}/admin/admins")
        self.types("Address or account id", address)
        self.clicks("Let them invite")
        expect(self.page.get_by_role("table")).to_contain_text(address)
        self.begins()

    def _labelled(self, label: str, beside: str) -> Locator:
        place = self.page.locator("tr", has_text=beside) if beside else self.page.locator("body")
        found = place.get_by_role("link", name=label).or_(place.get_by_role("button", name=label))
        # The word to unfold something is the button's in it as well: the one that can be seen.
        return found.or_(place.locator("summary", has_text=label)).filter(visible=True).last


@walk("See how far people get")
def reads_the_numbers(owner: Owner) -> None:
    owner.sees("How far they come")
    owner.shows(owner.page)


@walk("Invite somebody")
def invites_somebody(owner: Owner) -> None:
    owner.clicks("Invite someone")
    owner.types("Email address", "ada@example.com")
    owner.types("Name", "Ada Byron")
    expect(owner.page.locator("#preview")).to_contain_text("Ada Byron")
    owner.shows(owner.page)
    owner.clicks("Send invitation")
    expect(owner.page.get_by_role("heading", name="ada@example.com")).to_be_visible()


@walk("Invite many")
def invites_many(owner: Owner) -> None:
    owner.clicks("Invite many")
    owner.types("Or paste the list", "Ada King <ada.king@example.com>\nbob@example.com\nbob@")
    owner.clicks("Show preview")
    owner.sees("bob@example.com")
    owner.shows(owner.page)
    owner.clicks("Send 2 invitations")
    owner.sees("2 invitations are on the way.")


@walk("Find an invitation and send it again")
def sends_again(owner: Owner) -> None:
    owner.finds("priya")
    owner.clicks("priya.raman@example.com")
    owner.shows(owner.page)
    owner.clicks("Resend")
    owner.sees("A new invitation is on its way")


@walk("Give somebody more time")
def extends(owner: Owner) -> None:
    owner.finds("sofie")
    owner.clicks("sofie.jansen@example.com")
    owner.clicks("Extend")
    owner.types("Days from now", "10")
    owner.clicks("Extend")
    owner.sees("It ends on")


@walk("Change an address")
def changes_an_address(owner: Owner) -> None:
    owner.finds("lucía")
    owner.clicks("lucia.ortega@example.com")
    owner.clicks("Change address")
    owner.types("Email address", "lucia@example.org")
    owner.clicks("Change address")
    expect(owner.page.get_by_role("heading", name="lucia@example.org")).to_be_visible()


@walk("Revoke an invitation")
def revokes(owner: Owner) -> None:
    owner.invites("eva.novak@example.com")
    owner.finds("eva.novak")
    owner.clicks("eva.novak@example.com")
    owner.clicks("Revoke")
    owner.shows(owner.page)
    owner.clicks("Revoke")
    owner.sees("The invitation is revoked.")


@walk("Invite somebody again")
def invites_again(owner: Owner) -> None:
    owner.finds("amina")
    owner.clicks("amina.diallo@example.org")
    owner.clicks("Invite again")
    owner.clicks("Send invitation")
    expect(owner.page.get_by_role("heading", name="amina.diallo@example.org")).to_be_visible()


@walk("Help who stopped after the password")
def helps_who_is_stuck(owner: Owner) -> None:
    owner.clicks("stuck after the password")
    owner.clicks("kenji.watanabe@example.com")
    owner.shows(owner.page)
    owner.clicks("Send a sign-in mail")
    owner.sees("A mail that asks them to sign in is on its way.")


@walk("Ask the tenant about an account")
def asks_the_tenant(owner: Owner) -> None:
    owner.finds("emeka")
    owner.clicks("emeka.obi@example.org")
    owner.clicks("Ask the tenant")
    owner.sees("The tenant has answered.")


@walk("Do the same with many")
def resends_to_all_that_match(owner: Owner) -> None:
    owner.clicks("refused")
    owner.clicks("Resend the chosen")
    owner.sees("All that match")
    owner.shows(owner.page)
    owner.clicks("Resend invitation")
    owner.sees("How far it is")


@walk("Take the list along")
def downloads_the_list(owner: Owner) -> None:
    owner.clicks("Invitations")
    owner.shows(owner.page)
    with owner.page.expect_download() as download:
        owner.clicks("Download all")
    assert download.value.suggested_filename.endswith(".csv")


@walk("Go on with a batch, or hold it")
def resumes_a_batch(owner: Owner) -> None:
    owner.clicks("Workshop in spring")
    owner.shows(owner.page)
    owner.clicks("Resume")
    expect(owner.page.get_by_role("button", name="Resume")).to_have_count(0)


@walk("Let somebody else invite")
def grants(owner: Owner) -> None:
    owner.clicks("Admins")
    owner.types("Address or account id", "mara.lindqvist@example.com")
    owner.shows(owner.page)
    owner.clicks("Let them invite")
    expect(owner.page.get_by_role("table")).to_contain_text("mara.lindqvist@example.com")


@walk("Take that right away")
def withdraws(owner: Owner) -> None:
    owner.lets_invite("tomas.ferreira@example.org")
    owner.clicks("Admins")
    owner.clicks("Withdraw", beside="tomas.ferreira")
    owner.clicks("Withdraw")
    expect(owner.page.get_by_role("table")).not_to_contain_text("tomas.ferreira")


@walk("Revoke all that one admin has sent")
def revokes_all_of_one(owner: Owner) -> None:
    owner.invites("nina@example.com")
    owner.clicks("Admins")
    owner.clicks("Revoke invitations", beside="admin@example.com")
    owner.shows(owner.page)
    owner.clicks("Revoke")
    owner.sees("revoked.")
