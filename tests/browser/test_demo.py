"""The demo in Chromium: who follows its guide gets to the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from invite_site.demo.scenarios import SCENARIOS
from tests.browser.steps import barriers, has_no_sideways_scroll, too_small_to_press
from tests.support.demo import Demo, running_demo
from tests.support.running import ADMIN, ADMIN_PASSWORD

PASSWORD = "Ada-Demo-1!"


# Where the link of a mail leads in each scenario.
BEGINNINGS = {
    "classic": "/lo/reset?",
    "new": "/u/reset-",
    "tenant_email": "/lo/reset?",
    "landing": "/i/",
}


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One that tests may share, each with an address of its own."""
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    with running_demo(tmp_path) as running:
        yield running


def goes_on(page: Page) -> None:
    """Click what the guide offers."""
    page.locator(".demo-guide a.demo-next").click()


def signs_in(page: Page, password: str, address: str = "") -> None:
    """On the login page, or on the two of New Universal Login; the address is typed where it does not
    stand there."""
    email, secret = page.get_by_label("Email address"), page.get_by_label("Password", exact=True)
    email.or_(secret).first.wait_for()
    if address:
        email.fill(address)
    if not secret.count():
        page.get_by_role("button", name="Continue", exact=True).click()
    secret.fill(password)
    page.get_by_role("button", name="Continue", exact=True).click()


def signs_in_as_owner(page: Page, demo: Demo) -> None:
    page.goto(f"{demo.url}/admin/invitations")
    signs_in(page, ADMIN_PASSWORD, ADMIN)
    expect(page.get_by_role("heading", name="Invitations")).to_be_visible()


def invites(owner: Page, demo: Demo, address: str, *, scenario: str) -> None:
    """Choose how invitations travel, and send one."""
    owner.goto(demo.dashboard)
    owner.get_by_label(SCENARIOS[scenario].words).check()
    owner.get_by_role("button", name="Choose scenario").click()
    expect(owner.get_by_text("Invitations now travel like this")).to_be_visible()
    owner.goto(f"{demo.url}/admin/invitations/new")
    owner.get_by_label("Email address").fill(address)
    owner.get_by_role("button", name="Send invitation").click()


def reads_the_mail(page: Page) -> None:
    """By the guide, which leads to the mailbox while the mail is on its way, and then to the mail.

    The step is read and followed as one: a page may change between a look at it and a click.
    """
    step = page.locator(".demo-guide a.demo-next")
    for _ in range(20):
        words, link = step.evaluate("link => [link.textContent, link.href]")
        if words == "Follow the link":
            break
        page.goto(link)
    expect(page.locator("iframe.mail")).to_be_visible()
    page.wait_for_function(
        """() => {
            const frame = document.querySelector("iframe.mail");
            const mail = frame.contentDocument?.documentElement;
            return mail && mail.scrollHeight > 200 && frame.clientHeight >= mail.scrollHeight;
        }"""
    )  # or the mail is cut


def chooses_password(page: Page) -> None:
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("Re-enter new password").fill(PASSWORD)
    page.get_by_role("button", name="Reset password").or_(
        page.get_by_role("button", name="Set password")
    ).click()


def test_it_works(desk: Page, demo: Demo) -> None:
    """From the start page to *Accepted* on the owner's page by what the guide offers, one form and the
    two passwords."""
    desk.goto(demo.url)
    goes_on(desk)
    signs_in(desk, ADMIN_PASSWORD, ADMIN)
    desk.get_by_label("Email address").fill("ada@example.com")
    desk.get_by_role("button", name="Send invitation").click()
    reads_the_mail(desk)
    expect(desk.locator(".demo-who")).to_have_text("You are: Ada, invitee")
    goes_on(desk)
    chooses_password(desk)
    signs_in(desk, PASSWORD)
    expect(desk.get_by_role("heading", name="Welcome")).to_be_visible()
    goes_on(desk)
    expect(desk.locator(".status").first).to_have_text("Accepted")
    expect(desk.locator(".demo-who")).to_have_text("You are: the owner")


def test_five_days_ahead_an_invitation_has_expired_and_is_renewed(phone: Page, demo: Demo) -> None:
    """One clock for the site, its worker and the tenant; signing in goes on working."""
    signs_in_as_owner(phone, demo)
    phone.goto(f"{demo.url}/admin/invitations/new")
    phone.get_by_label("Email address").fill("bea@example.com")
    phone.get_by_role("button", name="Send invitation").click()
    reads_the_mail(phone)
    phone.get_by_role("complementary").get_by_role("link", name="Dashboard").click()
    phone.get_by_role("button", name="Five days ahead").click()
    expect(phone.get_by_text("ahead by 5 days")).to_be_visible()
    assert has_no_sideways_scroll(phone)

    signs_in_as_owner(phone, demo)
    phone.get_by_role("link", name="bea@example.com").click()
    expect(phone.locator(".status").first).to_have_text("Expired")
    goes_on(phone)
    goes_on(phone)
    expect(phone.get_by_role("heading", name="expired")).to_be_visible()
    phone.get_by_role("link", name="Get a new link").click()
    phone.get_by_role("button", name="Send me a new link").click()
    expect(phone.get_by_role("heading", name="Look into your mailbox")).to_be_visible()
    reads_the_mail(phone)
    goes_on(phone)
    chooses_password(phone)
    signs_in(phone, PASSWORD)
    goes_on(phone)
    expect(phone.locator(".status").first).to_have_text("Accepted")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_of_the_dashboard_runs_to_accepted(
    desk: Page, lasting: Demo, scenario: str
) -> None:
    """The next mail travels by it, and the guide leads all the way."""
    signs_in_as_owner(desk, lasting)
    address = f"{scenario}@example.com"
    invites(desk, lasting, address, scenario=scenario)
    reads_the_mail(desk)
    goes_on(desk)
    desk.wait_for_url(lambda url: BEGINNINGS[scenario] in url)
    expect(desk.locator(".demo-who")).to_have_text(f"You are: {scenario.capitalize()}, invitee")
    if scenario == "landing":
        desk.get_by_role("button", name="Choose your password").click()
    chooses_password(desk)
    if scenario == "new":  # what comes back from there names nobody
        desk.get_by_role("main").get_by_role("link", name="Acme Notes").click()
    signs_in(desk, PASSWORD, address if scenario == "new" else "")
    expect(desk.get_by_role("heading", name="Welcome")).to_be_visible()
    goes_on(desk)
    expect(desk.locator(".status").first).to_have_text("Accepted")


def test_a_used_link_of_new_universal_login_is_not_said_to_have_set_a_password(
    desk: Page, lasting: Demo
) -> None:
    """The tenant's page has no way on there; the guide has: to the mail, or to the login where the tenant
    has said that a password is set."""
    signs_in_as_owner(desk, lasting)
    invites(desk, lasting, "twice@example.com", scenario="new")
    reads_the_mail(desk)
    link = desk.locator("a.demo-next").get_attribute("href") or ""
    goes_on(desk)
    chooses_password(desk)
    expect(desk.locator(".demo-step")).to_contain_text("The password is set.")
    desk.goto(link)
    expect(desk.get_by_role("heading", name="Invalid Link")).to_be_visible()
    expect(desk.locator(".demo-step")).to_contain_text("This link does not work any more")
    expect(desk.locator("a.demo-next")).to_be_visible()


def test_the_bar_keeps_nobody_out(phone: Page, lasting: Demo) -> None:
    """On pages of the site and of the tenant, in light and in dark, to fingers and at 320 pixels."""
    signs_in_as_owner(phone, lasting)
    for url in (
        f"{lasting.url}/admin/invitations/new",
        lasting.dashboard,
        lasting.invitee_mailbox,
        f"{lasting.invitee_url}/invite/complete?success=false&message=x",
    ):
        phone.goto(url)
        expect(phone.locator(".demo-guide")).to_be_visible()
        for scheme in ("light", "dark"):
            phone.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert not barriers(phone), (url, scheme)
        assert not too_small_to_press(phone, ".demo-guide"), url
        phone.set_viewport_size({"width": 320, "height": 640})
        assert has_no_sideways_scroll(phone), url


def test_a_mail_that_the_owner_opened_is_followed_as_the_invitee(desk: Page, lasting: Demo) -> None:
    """From the dashboard the mailbox opens on the owner's side. The links of the mail itself change sides
    as *Open as* does, so that nobody loses the owner's session to the invitee."""
    signs_in_as_owner(desk, lasting)
    invites(desk, lasting, "side@example.com", scenario="classic")
    reads_the_mail(desk)
    mail = desk.url.replace("127.0.0.1", "localhost")
    desk.goto(mail)
    text = desk.locator("pre a").first.get_attribute("href") or ""
    assert text.startswith("http://127.0.0.1:")
    mailed = desk.frame_locator("iframe.mail")
    mailed.get_by_role("link", name="Choose your password").click()
    desk.wait_for_url(lambda url: url.startswith("http://127.0.0.1:"))
    expect(desk.locator(".demo-who")).to_have_text("You are: Side, invitee")


def test_the_bar_is_no_wider_than_a_narrow_page_and_not_on_paper(desk: Page, lasting: Demo) -> None:
    """188 pixels are a phone on which everything is shown twice as large."""
    signs_in_as_owner(desk, lasting)
    invites(desk, lasting, "narrow@example.com", scenario="classic")
    bar = desk.locator(".demo-guide")
    expect(bar).to_contain_text("new)", timeout=20_000)
    desk.set_viewport_size({"width": 188, "height": 400})
    ends = bar.locator("*").evaluate_all("all => all.map(e => e.getBoundingClientRect().right)")
    assert max(ends) <= 188
    desk.emulate_media(media="print")
    expect(bar).to_be_hidden()


def test_a_long_name_in_the_bar_fits_a_phone(phone: Page, lasting: Demo) -> None:
    """It breaks where it must; no page scrolls sideways, at 375 pixels and at 320."""
    name = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwaren"
    signs_in_as_owner(phone, lasting)
    phone.goto(f"{lasting.url}/admin/invitations/new")
    phone.get_by_label("Email address").fill("long@example.com")
    phone.get_by_label("Name").fill(name)
    phone.get_by_role("button", name="Send invitation").click()
    expect(phone.locator(".demo-step")).to_contain_text(name)
    for url in (phone.url, lasting.dashboard, lasting.invitee_mailbox):
        phone.goto(url)
        for width in (375, 320):
            phone.set_viewport_size({"width": width, "height": 740})
            assert has_no_sideways_scroll(phone), (url, width)


def test_the_bar_of_an_open_page_follows_what_happens(desk: Page, lasting: Demo) -> None:
    """The owner's page stays as it is while the invitee goes on in another window."""
    signs_in_as_owner(desk, lasting)
    invites(desk, lasting, "open@example.com", scenario="classic")
    desk.goto(f"{lasting.url}/admin/invitations")
    invitee = desk.context.new_page()
    invitee.goto(lasting.invitee_mailbox)
    reads_the_mail(invitee)
    goes_on(invitee)
    chooses_password(invitee)
    expect(invitee.get_by_role("heading", name="Log in")).to_be_visible()
    expect(desk.locator(".demo-step")).to_contain_text("has chosen a password", timeout=30_000)


def test_the_bar_of_a_form_asks_for_nothing(desk: Page, lasting: Demo) -> None:
    """Once the session is over its question would lead to the sign-in, and what is typed would be lost: the
    clock of the dashboard ends a session at once."""
    signs_in_as_owner(desk, lasting)
    desk.clock.install()
    desk.goto(f"{lasting.url}/admin/invitations/new")
    desk.get_by_label("Note").fill("A long note")
    desk.context.clear_cookies()
    asked: list[str] = []
    desk.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    desk.clock.run_for(11_000)
    expect(desk.get_by_label("Note")).to_have_value("A long note")
    assert not [each for each in asked if each.startswith("GET")]


def test_of_two_invitations_the_one_whose_mail_is_open_is_followed(
    desk: Page, lasting: Demo
) -> None:
    """To its end, whoever was invited last; and the owner's page is about whom it shows."""
    signs_in_as_owner(desk, lasting)
    invites(desk, lasting, "first@example.com", scenario="classic")
    first = desk.url
    invites(desk, lasting, "second@example.com", scenario="classic")
    desk.goto(first)
    expect(desk.locator(".demo-step")).to_contain_text("to First")
    desk.goto(lasting.invitee_mailbox)
    desk.locator(".mails a").filter(has_text="first@example.com").click()
    who = desk.locator(".demo-who")
    expect(who).to_have_text("You are: First, invitee")
    goes_on(desk)
    expect(who).to_have_text("You are: First, invitee")
    chooses_password(desk)
    signs_in(desk, PASSWORD)
    expect(desk.locator(".demo-step")).to_contain_text("First has accepted")
    goes_on(desk)
    assert desk.url == first
    desk.goto(lasting.invitee_mailbox)
    desk.locator(".mails a").filter(has_text="second@example.com").click()
    expect(who).to_have_text("You are: Second, invitee")


def test_an_invitation_that_is_resent_is_followed_again(desk: Page, lasting: Demo) -> None:
    signs_in_as_owner(desk, lasting)
    invites(desk, lasting, "older@example.com", scenario="classic")
    older = desk.url
    reads_the_mail(desk)
    invites(desk, lasting, "newer@example.com", scenario="classic")
    reads_the_mail(desk)
    desk.goto(older)
    desk.get_by_role("button", name="Resend").click()
    expect(desk.locator(".demo-step")).to_contain_text("to Older")
    reads_the_mail(desk)
    expect(desk.locator(".demo-who")).to_have_text("You are: Older, invitee")


def test_whoever_was_invited_before_does_not_sign_in_for_the_next(
    desk: Page, lasting: Demo
) -> None:
    """New Universal Login leads back to a login that the earlier person's session answers; the guide
    says so at once, and leads to one that asks."""
    signs_in_as_owner(desk, lasting)
    invites(desk, lasting, "before@example.com", scenario="classic")
    reads_the_mail(desk)
    goes_on(desk)
    chooses_password(desk)
    signs_in(desk, PASSWORD)
    invites(desk, lasting, "next@example.com", scenario="new")
    reads_the_mail(desk)
    goes_on(desk)
    chooses_password(desk)
    desk.get_by_role("main").get_by_role("link", name="Acme Notes").click()
    expect(desk.locator(".demo-step")).to_contain_text("the login is missing")
    goes_on(desk)
    signs_in(desk, PASSWORD)
    expect(desk.locator(".demo-step")).to_contain_text("Next has accepted")


def test_somebody_else_on_the_owners_side_is_led_back_to_the_owner(
    desk: Page, lasting: Demo
) -> None:
    signs_in_as_owner(desk, lasting)
    invites(desk, lasting, "other@example.com", scenario="classic")
    page = desk.url
    reads_the_mail(desk)
    goes_on(desk)
    chooses_password(desk)
    signs_in(desk, PASSWORD)
    desk.goto(f"{lasting.url}/login?prompt=login")
    signs_in(desk, PASSWORD, "other@example.com")
    desk.goto(page)
    expect(desk.get_by_role("heading", name="You may not invite yet")).to_be_visible()
    goes_on(desk)
    signs_in(desk, ADMIN_PASSWORD)
    expect(desk.get_by_role("heading", name="other@example.com")).to_be_visible()


def test_the_login_that_the_owner_opens_is_that_of_the_person(desk: Page, lasting: Demo) -> None:
    """Also where that browser has opened no mail, and somebody else was invited since."""
    signs_in_as_owner(desk, lasting)
    invites(desk, lasting, "waiting@example.com", scenario="classic")
    waiting = desk.url
    reads_the_mail(desk)
    goes_on(desk)
    chooses_password(desk)
    expect(desk.get_by_role("heading", name="Log in")).to_be_visible()
    invites(desk, lasting, "later@example.com", scenario="classic")
    desk.context.clear_cookies(domain="127.0.0.1")
    desk.goto(waiting)
    goes_on(desk)
    expect(desk.locator(".demo-who")).to_have_text("You are: Waiting, invitee")
    expect(desk.locator(".demo-step")).to_contain_text("Sign in as waiting@example.com")
