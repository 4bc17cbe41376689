"""Every page as people meet it: readable by all, in light and dark, on a phone and at a desk.

All pages are opened once for this file, each in the state that a person would see it in, and
stay open; a test only resizes them and turns the light on and off.
"""

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from tests.browser.gallery import ALL_PAGES, SITE_PAGES, opened
from tests.browser.gallery.opener import DESK, PHONE, Gallery
from tests.browser.steps import (
    CONTRAST,
    LEVELS,
    barriers,
    has_no_sideways_scroll,
    too_small_to_press,
)

# Rows like those before them, which take axe seconds.
ALIKE = "tbody tr:nth-child(n + 9)"
LONG_PAGES = ("list", "preview", "overview")
NARROWEST: ViewportSize = {"width": 320, "height": 640}

pytestmark = pytest.mark.timeout(
    400
)  # opening them all takes a minute, and more beside other tests


@pytest.fixture(scope="module")
def gallery(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    with opened(browser, tmp_path_factory.mktemp("gallery")) as pages:
        yield pages


@pytest.mark.parametrize("name", ALL_PAGES)
def test_no_page_keeps_anybody_out(gallery: Gallery, name: str) -> None:
    """axe finds nothing against WCAG 2.2 AA: in light on a phone, in dark at a desk."""
    page = gallery.pages[name]
    best = ["best-practice"] * (name in SITE_PAGES)
    ways: tuple[tuple[ViewportSize, Literal["light", "dark"], Any], ...] = (
        (PHONE, "light", {"type": "tag", "values": [*LEVELS, *best]}),
        (DESK, "dark", CONTRAST),
    )
    for size, scheme, rules in ways:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        found = barriers(page, rules=rules, left_out=[ALIKE] if name in LONG_PAGES else [])
        assert not found, (size, scheme, found)


@pytest.mark.parametrize("name", ALL_PAGES)
def test_no_page_scrolls_sideways(gallery: Gallery, name: str) -> None:
    """Nothing sticks out at 375 and at 320 pixels, whatever the address and the name."""
    page = gallery.pages[name]
    for size in (PHONE, NARROWEST):
        page.set_viewport_size(size)
        assert has_no_sideways_scroll(page), size


@pytest.mark.parametrize("name", ["list", "overview", "batches", "batch under way"])
def test_letters_twice_as_large_leave_the_words_whole(gallery: Gallery, name: str) -> None:
    """On a phone: the heading has a line of its own where the button beside it would leave it none, and
    no figure sticks out."""
    page = gallery.pages[name]
    page.set_viewport_size({"width": PHONE["width"] // 2, "height": PHONE["height"]})
    assert page.locator("h1").evaluate(
        "e => e.clientHeight < 2 * parseFloat(getComputedStyle(e).lineHeight)"
    )
    for figures in page.locator(".figures").all():
        assert figures.evaluate("e => e.scrollWidth <= e.clientWidth")


@pytest.mark.parametrize("name", SITE_PAGES)
def test_letters_twice_as_large_do_not_stick_out(gallery: Gallery, name: str) -> None:
    """On a phone, where half as much stands beside each other."""
    page = gallery.pages[name]
    page.set_viewport_size({"width": PHONE["width"] // 2, "height": PHONE["height"]})
    assert has_no_sideways_scroll(page)


@pytest.mark.parametrize("name", ["our own link", "renewal", "renewal in German", "link replaced"])
def test_letters_twice_as_large_break_no_word_of_a_button(gallery: Gallery, name: str) -> None:
    """On a phone: of the one button that leads on."""
    page = gallery.pages[name]
    page.set_viewport_size({"width": PHONE["width"] // 2, "height": PHONE["height"]})
    broken = page.locator(".sheet :is(button, .button)").evaluate_all(
        """buttons => buttons.flatMap((button) => {
            const text = document.createTreeWalker(button, NodeFilter.SHOW_TEXT).nextNode();
            return [...text.data.matchAll(/\\S+/g)].filter((word) => {
                const range = document.createRange();
                range.setStart(text, word.index);
                range.setEnd(text, word.index + word[0].length);
                return range.getClientRects().length > 1;
            }).map((word) => word[0]);
        })"""
    )
    assert broken == []


def test_what_is_told_by_colour_stays_so_in_forced_colours(gallery: Gallery) -> None:
    """How full the bar of a batch is, and which bars of the last days are which."""
    page = gallery.pages["batch under way"]
    page.bring_to_front()
    page.emulate_media(forced_colors="active")
    pictures = set()
    for value in (0, 1):
        page.locator("#bar").evaluate("(bar, value) => { bar.value = value }", value)
        pictures.add(page.locator("#bar").screenshot())
    page.emulate_media(forced_colors="none")
    assert len(pictures) == 2
    page = gallery.pages["overview"]
    page.emulate_media(forced_colors="active")
    same = """name => getComputedStyle(document.querySelector(`.legend .${name}`), "::before")
        .backgroundColor === getComputedStyle(document.querySelector(`.days .${name}`)).fill"""
    found = [page.evaluate(same, name) for name in ("invited", "accepted")]
    page.emulate_media(forced_colors="none")
    assert found == [True, True]


@pytest.mark.parametrize("name", SITE_PAGES)
def test_a_finger_hits_what_it_aims_at(gallery: Gallery, name: str) -> None:
    """On a phone."""
    page = gallery.pages[name]
    page.set_viewport_size(PHONE)
    assert not too_small_to_press(page)


@pytest.mark.parametrize("name", ["start", "list", "sent", "no such page"])
def test_the_skip_link_leads_past_the_navigation(gallery: Gallery, name: str) -> None:
    """It is the first stop, it can be seen there, and the next stop is in the main part."""
    page = gallery.pages[name]
    page.bring_to_front()
    page.reload()
    skip = page.get_by_role("link", name="Skip to the main part")
    page.keyboard.press("Tab")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_the_keyboard_reaches_all_there_is_to_do(gallery: Gallery) -> None:
    """Tab goes through an invitation in the order of the page, and one can see where it is."""
    page = gallery.pages["sent"]
    page.set_viewport_size(DESK)
    page.bring_to_front()
    page.goto(page.url.partition("#")[0])  # the skip link may have been used
    stops: list[str] = []
    while not stops or (stops[-1] != "BODY" and len(stops) < 30):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(WHERE))
    assert stops[:-1] == [
        "Skip to the main part",
        'A&B "<x>',
        "Overview",
        "Invitations",
        "Admins",
        "Sign out",
        "Invitations",
        "Resend",
        "Extend",
        "Change address",
        "Revoke",
        "Ask the tenant",
        "Why?",
        "help@example.com",
    ]


WHERE = """() => {
    const here = document.activeElement
    if (here === document.body) return "BODY"
    if (parseFloat(getComputedStyle(here).outlineWidth) < 2) return "invisible focus"
    return (here.labels?.[0] ?? here).textContent.trim()
}"""


def test_a_printed_invitation_is_a_record(gallery: Gallery) -> None:
    """Printed, an invitation shows its steps and history with their moments, and nothing to press."""
    page = gallery.pages["password set"]
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name="How far it got")).to_be_visible()
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    assert page.get_by_role("button").count() == 0
    exact = "all => all.map(e => getComputedStyle(e, '::after').content)"
    moments = page.locator("time").evaluate_all(exact)
    page.emulate_media(media="screen")
    assert moments
    assert all("UTC" in each for each in moments)


def test_nothing_moves_for_who_wants_no_motion(gallery: Gallery) -> None:
    """With reduced motion no element has a transition that lasts."""
    page = gallery.pages["form"]
    longest = page.locator("*").evaluate_all(
        "all => Math.max(...all.map(e => parseFloat(getComputedStyle(e).transitionDuration)))"
    )
    assert longest == 0
