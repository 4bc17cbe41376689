"""A person at a browser without script: opens pages, fills in fields by label, presses buttons."""

from functools import cached_property
from pathlib import Path
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import requests
from bs4 import BeautifulSoup, Tag

from .page_quality import faults_of


class Person:
    """One browser with its cookies. Every page it is shown is checked for its quality."""

    def __init__(self) -> None:
        self.browser = requests.Session()
        self.browser.trust_env = False
        self._typed: dict[str, str] = {}
        self._ticked: dict[str, str] = {}
        self._chosen: dict[str, tuple[str, bytes]] = {}
        self.response = requests.Response()
        self.pages: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.browser.close()

    # What a person does --------------------------------------------------------------------------

    def opens(self, url: str) -> Self:
        self.shows(self.browser.get(url, timeout=15))
        return self

    def trusts(self, authority: Path) -> Self:
        """Take the certificates that this authority has signed."""
        self.browser.verify = str(authority)
        return self

    def peeks(self, url: str, method: str = "GET") -> requests.Response:
        """One request that follows no redirect, as a mail scanner sends it."""
        return self.browser.request(method, url, allow_redirects=False, timeout=15)

    def types(self, **fields: str) -> Self:
        """Fill in fields by label, with `_` for a space: `types(Email_address="…")`."""
        for label, value in fields.items():
            self._typed[str(self._field(label.replace("_", " "))["name"])] = value
        return self

    def types_into(self, label: str, value: str) -> Self:
        self._typed[str(self._field(label)["name"])] = value
        return self

    def ticks(self, label: str) -> Self:
        """Tick the box with this label."""
        box = self._field(label)
        self._ticked[str(box["name"])] = str(box.get("value", "on"))
        return self

    def chooses(self, label: str, name: str, content: bytes) -> Self:
        """Choose a file of this name for the field with this label."""
        self._chosen[str(self._field(label)["name"])] = (name, content)
        return self

    def presses(self, words: str) -> Self:
        """Press the button (or the link that looks like one) with these words."""
        for link in self.soup.find_all("a"):
            if link.get_text(" ", strip=True) == words:
                return self.opens(urljoin(self.url, str(link["href"])))
        method, action, fields = self.form(words)
        sent: dict[str, Any] = {"params": fields}
        if method == "POST" and self._is_multipart(words):
            parts = {name: (None, value) for name, value in fields.items()}
            sent = {"files": parts | self._files(words)}
        elif method == "POST":
            sent = {"data": fields}
        self.shows(
            self.browser.request(method, action, headers={"Referer": self.url}, timeout=15, **sent)
        )
        return self

    def form(self, button: str) -> tuple[str, str, dict[str, str]]:
        """Method, address and fields of the form that this button sends, as filled in by now."""
        form, pressed = self._form_with(button)
        fields = {
            str(field["name"]): str(field.get("value", ""))
            for field in form.find_all("input")
            if field.get("name")
            and field.get("type") != "file"
            and (field.get("type") != "checkbox" or field.has_attr("checked"))
        }
        fields |= {str(area["name"]): _text_in(area) for area in form.find_all("textarea")}
        fields |= {str(each["name"]): _chosen_in(each) for each in form.find_all("select")}
        if pressed.get("name"):
            fields[str(pressed["name"])] = str(pressed.get("value", ""))
        fields |= {k: v for k, v in self._typed.items() if k in fields} | self._ticked
        action = urljoin(self.url, str(pressed.get("formaction") or form.get("action") or self.url))
        return str(form.get("method", "get")).upper(), action, fields

    def sends(self, button: str) -> requests.Response:
        """Press a button as a program would, and follow no redirect."""
        method, action, fields = self.form(button)
        sent: dict[str, Any] = {"params" if method == "GET" else "data": fields}
        return self.browser.request(method, action, allow_redirects=False, timeout=15, **sent)

    # What a person sees --------------------------------------------------------------------------

    @cached_property
    def soup(self) -> BeautifulSoup:
        html = self.response.text.replace("<wbr>", "")  # where a line may break, which nobody reads
        return BeautifulSoup(html, "html.parser")

    @property
    def url(self) -> str:
        return str(self.response.url)

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def heading(self) -> str:
        return self.soup.h1.get_text(" ", strip=True) if self.soup.h1 else ""

    @property
    def text(self) -> str:
        main = self.soup.find("main") or self.soup
        return " ".join(main.get_text(" ").split())

    def sees_in(self, label: str) -> str:
        """What stands in the field with this label."""
        field = self._field(label)
        if field.name == "select":
            return _chosen_in(field)
        return _text_in(field) if field.name == "textarea" else str(field.get("value", ""))

    @property
    def title(self) -> str:
        """What the tab of the browser shows."""
        return self.text_of("title")

    def text_of(self, selector: str) -> str:
        """The text of the first element that this CSS selector finds."""
        return self.soup.select(selector)[0].get_text(" ", strip=True)

    def offers(self, words: str) -> bool:
        """Whether the page has a link or a button with these words."""
        return words in [each.get_text(" ", strip=True) for each in self.soup(["a", "button"])]

    def sees_link(self, words: str) -> str:
        for link in self.soup.find_all("a"):
            if link.get_text(" ", strip=True) == words:
                return urljoin(self.url, str(link["href"]))
        raise AssertionError(f"no link {words!r} on the page {self.heading!r}")

    def cookie(self, name: str) -> str | None:
        """The value of a cookie, also of one that has the port of its site behind its name."""
        found = (each for each in self.browser.cookies if each.name.partition("-")[0] == name)
        return next((each.value for each in found), None)

    @property
    def cookies(self) -> requests.cookies.RequestsCookieJar:
        return self.browser.cookies

    # ---------------------------------------------------------------------------------------------

    def _form_with(self, button: str) -> tuple[Tag, Tag]:
        """The form that this button sends, and the button."""
        for form in self.soup.find_all("form"):
            for each in form.find_all(True):
                if each.name not in ("button", "input"):
                    continue
                if button in (each.get_text(" ", strip=True), each.get("value")):
                    return form, each
        raise AssertionError(f"no button {button!r} on the page {self.heading!r} at {self.path}")

    def _is_multipart(self, button: str) -> bool:
        return self._form_with(button)[0].get("enctype") == "multipart/form-data"

    def _files(self, button: str) -> dict[str, tuple[str, bytes]]:
        """What a browser sends for the file fields of this form; no file has an empty name."""
        return {
            str(field["name"]): self._chosen.get(str(field["name"]), ("", b""))
            for field in self._form_with(button)[0].find_all("input", type="file")
        }

    def shows(self, response: requests.Response) -> None:
        """Look at this answer, and at the quality of its page."""
        self.response = response
        self.__dict__.pop("soup", None)  # as functools has it, this forgets the page before
        self._typed, self._ticked = {}, {}
        self._chosen = {}
        if response.headers.get("Content-Type", "").startswith("text/html"):
            self.pages.append(response.text)
            faults = faults_of(self.soup, dict(response.headers))
            assert not faults, f"{response.url}: {faults}"

    def _field(self, label: str) -> Tag:
        for each in self.soup.find_all("label"):
            if each.get_text(" ", strip=True) == label:
                field = (
                    self.soup.find(id=str(each["for"])) if each.get("for") else each.find("input")
                )
                assert field is not None
                return field
        raise AssertionError(f"no field {label!r} on the page {self.heading!r} at {self.path}")


def _chosen_in(select: Tag) -> str:
    """The value of the option that is chosen: the first one, where none is marked."""
    chosen = select.find("option", selected=True) or select.find("option")
    return str(chosen.get("value", chosen.get_text(strip=True))) if chosen else ""


def _text_in(area: Tag) -> str:
    """What stands in a text area; a browser leaves out one line break at its beginning."""
    return area.get_text().removeprefix("\r\n").removeprefix("\n")
