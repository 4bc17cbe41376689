"""Who there is in the demo, and what an invitee does in the story: follows a mailed link, chooses a
password, signs in."""

import html
import re
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
# Of accounts that only this machine reaches.
ADMIN, ADMIN_PASSWORD = "admin@example.com", "Invite-Demo-1!"
PASSWORD = "Ada-Demo-1!"  # noqa: S105
PATIENCE = 10  # seconds


class Browser:
    """Opens pages and sends their forms, with cookies of its own. Raises OSError where a page is an
    error."""

    def __init__(self) -> None:
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        # No proxy: the addresses are this machine's.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)
        self._opener.addheaders = []

    def sets_password(self, link: str) -> None:
        """Open the mailed link and send the password page; what comes after it is followed, which is
        the login page."""
        self._open(link)
        self._send("/lo/reset", newPassword=PASSWORD, confirmNewPassword=PASSWORD)

    def signs_in(self, email: str) -> None:
        """Send the login page that is open."""
        self._send("/login", email=email, password=PASSWORD)

    def _open(self, url: str, fields: dict[str, str] | None = None) -> None:
        sent = urllib.parse.urlencode(fields).encode() if fields else None
        with self._opener.open(url, sent, timeout=PATIENCE) as answer:
            self._url, self._page = answer.url, answer.read().decode()

    def _send(self, path: str, **typed: str) -> None:
        hidden = {name: html.unescape(value) for name, value in HIDDEN.findall(self._page)}
        self._open(urllib.parse.urljoin(self._url, path), {**hidden, **typed})
