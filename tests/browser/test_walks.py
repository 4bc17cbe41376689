"""Each task of an owner takes three clicks from the overview, by labels that can be read; the page for
owners, docs/using.md, says the same."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.screenshots import PICTURES, USING, name_of, signed_in
from tests.browser.walks import MOST_CLICKS, WALKS, Owner
from tests.support.demo import running_demo


@pytest.fixture(scope="module")
def owner(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owner]:
    with running_demo(tmp_path_factory.mktemp("demo"), DEMO_EMPTY="") as demo:
        context = browser.new_context()
        context.set_default_timeout(10_000)
        yield signed_in(context.new_page(), demo)
        context.close()


def sections() -> dict[str, str]:
    """The parts of the page by their headings."""
    parts = re.split(r"^## (.+)\n", USING.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("title", WALKS)
def test_a_task_takes_three_clicks_and_is_described(owner: Owner, title: str) -> None:
    """The section has the labels in bold, in their order."""
    owner.begins()
    WALKS[title](owner)
    assert len(owner.clicked) <= MOST_CLICKS, owner.clicked
    told = re.findall(r"\*\*(.+?)\*\*", sections()[title])
    assert len(told) == len(owner.clicked)
    for words, label in zip(told, owner.clicked, strict=True):
        assert label.startswith(words), (words, label)


def test_the_page_has_a_section_for_each_task_and_only_pictures_that_exist() -> None:
    """In the order of the walks; no picture is left over."""
    assert list(sections()) == list(WALKS)
    pictures = re.findall(r"!\[[^\]]{10,}\]\(pictures/([a-z-]+\.png)\)", USING.read_text("utf-8"))
    assert sorted(pictures) == sorted(each.name for each in PICTURES.glob("*.png"))
    assert {each.removesuffix(".png") for each in pictures} <= {name_of(title) for title in WALKS}
