"""What the guide of the demo says: the next step, by what has happened and by the page that is open."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from ..invitations.lifecycle import EXPIRED, State
from .people import ADMIN, ADMIN_PASSWORD, PASSWORD

ADMIN_PAGES = "/admin"
FORM = "/admin/invitations/new"
# Where the form is sent to: a refusal, a preview or a sent test shows it again.
FORM_ANSWERS = ("/admin/invitations", "/admin/invitations/preview", "/admin/invitations/test")
FORBIDDEN = 403
MAILS = "/mailbox/"
DASHBOARD = "/_tenant/dashboard"
LOGIN_PAGES = ("/login", "/u/login")
FORGOT_PAGES = ("/login/forgot", "/u/reset-password/request")
PASSWORD_PAGES = ("/lo/reset", "/u/reset")
# They go on by script, or by their button.
INTERSTITIALS = ("/u/reset-verify", "/u/reset-password")
LINK_PAGES = ("/i/",)
RENEWAL_PAGES = ("/invite/renew",)
ON_THEIR_WAY = (State.QUEUED, State.SENDING)
ENDS = (State.ACCEPTED, State.REVOKED, State.FAILED)


@dataclass(frozen=True)
class Addresses:
    """Where the two programs answer: the site for the owner and the invitee, the tenant likewise."""

    site: str
    site_of_invitee: str
    tenant: str
    tenant_of_invitee: str

    @property
    def mailbox(self) -> str:
        return f"{self.tenant_of_invitee}/mailbox"

    @property
    def dashboard(self) -> str:
        return f"{self.tenant}{DASHBOARD}"


@dataclass(frozen=True)
class Guided:
    """The invitation that the guide follows. `ref` points to it in a cookie.

    `has_password`: the person has chosen one, now or earlier. `mail_id` and `mail_link` are those of the
    newest mail to its address, or empty.
    """

    number: int
    ref: str
    name: str
    email: str
    status: str
    has_password: bool
    mail_id: str
    mail_link: str


@dataclass(frozen=True)
class Scene:
    """The page that is open, on whose side, and what has happened so far. `has_result`: its
    address says that the password was set; `is_form_sent`: the page is the answer to a form.

    `returns_by_login` says that people come back from the password page by the login route.
    """

    addresses: Addresses
    path: str
    has_result: bool
    is_form_sent: bool
    status: int
    is_tenant: bool
    is_invitee: bool
    guided: Guided | None
    returns_by_login: bool

    @property
    def is_refusal(self) -> bool:
        """Whether the page says that something does not work."""
        return 400 <= self.status < 500

    @property
    def is_mail(self) -> bool:
        """Whether it shows a mail."""
        return self.is_tenant and self.path.startswith(MAILS)

    @property
    def is_dashboard(self) -> bool:
        """Whether it is where the next scenario is chosen."""
        return self.is_tenant and not self.is_invitee and self.path.rstrip("/") == DASHBOARD

    @property
    def is_not_the_owners(self) -> bool:
        """Whether whoever is signed in on the owner's side may not open it."""
        is_owners = not (self.is_tenant or self.is_invitee) and self.path.startswith(ADMIN_PAGES)
        return is_owners and self.status == FORBIDDEN

    @property
    def is_form(self) -> bool:
        """Whether it is the form for one person, also as the answer to itself."""
        is_answer = self.is_form_sent and self.path in FORM_ANSWERS
        return not self.is_tenant and not self.is_invitee and (self.path == FORM or is_answer)


@dataclass(frozen=True)
class Step:
    """One sentence, and where it leads, if that is not on the page itself."""

    sentence: str
    link: str = ""
    words: str = ""


def next_step(scene: Scene) -> Step:
    """The one thing to do now."""
    asks_for_mail = scene.is_tenant and scene.path.startswith(FORGOT_PAGES)
    on_login_page = scene.is_tenant and scene.path.startswith(LOGIN_PAGES) and not asks_for_mail
    if not scene.is_invitee and on_login_page:
        return Step(f"Sign in as {ADMIN} with the password {ADMIN_PASSWORD}.")
    if scene.is_not_the_owners:
        return Step(
            f"Somebody else is signed in on this side: go on as {ADMIN}.",
            _login(scene.addresses.site, ADMIN, next_page=scene.path),
            "Sign in as the owner",
        )
    guided = scene.guided
    if guided is not None and guided.status in ON_THEIR_WAY:
        # The mail in the mailbox is an earlier one, whose link ends with the next.
        guided = replace(guided, mail_id="", mail_link="")
    if guided is None or scene.is_form or (guided.status in ENDS and scene.is_dashboard):
        return _invite(scene)
    if guided.status == State.ACCEPTED:
        return _accepted(scene, guided)
    if guided.status in ENDS:
        return _ended(scene, guided)
    if scene.is_invitee:
        return _as_invitee(scene, guided, on_login_page=on_login_page)
    if guided.status == EXPIRED:
        return Step(
            f"The invitation of {guided.name} has expired.",
            _mail(scene, guided),
            f"Open the mail as {guided.name}",
        )
    if guided.status == State.PASSWORD_SET:
        return Step(
            f"{guided.name} has chosen a password and has not signed in.",
            _login(scene.addresses.site_of_invitee, guided.email),
            f"Sign in as {guided.name}",
        )
    return Step(
        f"The mail to {guided.name} {'has arrived' if guided.mail_id else 'is on its way'}.",
        _mail(scene, guided),
        f"Read it as {guided.name}",
    )


def _invite(scene: Scene) -> Step:
    if scene.is_form:
        return Step("Enter any address, such as ada@example.com, and send the invitation.")
    return Step(
        "Begin as the owner: invite somebody.", scene.addresses.site + FORM, "Invite somebody"
    )


def _login(site: str, email: str, *, next_page: str = "/") -> str:
    """The site's login for this person, whoever is signed in at the tenant."""
    asked = {"prompt": "login", "login_hint": email, "target_link_uri": next_page}
    return f"{site}/login?{urlencode(asked)}"


def _as_invitee(scene: Scene, guided: Guided, *, on_login_page: bool) -> Step:
    path, again = scene.path, ""
    if scene.returns_by_login:
        again = " Stay in this browser: what comes back names nobody."
    if scene.is_tenant and path.startswith(FORGOT_PAGES):
        return _on_forgot_page(scene, guided)
    if scene.is_tenant and path.startswith(PASSWORD_PAGES):
        return _on_password_page(scene, guided, again)
    if on_login_page and guided.has_password:
        return Step(f"Sign in as {guided.email} with the chosen password, such as {PASSWORD}.")
    is_own_link = not scene.is_tenant and path.startswith(LINK_PAGES)
    if is_own_link and guided.status == State.SENT and guided.mail_link.endswith(path):
        return Step(f"This page is our own link: press its button.{again}")
    if not scene.is_tenant and path.startswith(RENEWAL_PAGES) and guided.status == EXPIRED:
        return Step("Ask for a new link; it comes by mail.")
    if scene.has_result:
        return Step(f"Somebody else is signed in on this side: continue as {guided.name}.")
    if guided.status == State.PASSWORD_SET:
        return _to_the_login(scene, guided, "The password is set; the login is missing.")
    if guided.mail_id and path == f"/mailbox/{guided.mail_id}":
        sentence = "Follow the link in the mail."
        if guided.status == EXPIRED:
            sentence = "The time of this link has run out: see what it says now, and below how to get another."
        link = guided.mail_link.replace(scene.addresses.site, scene.addresses.site_of_invitee)
        link = link.replace(scene.addresses.tenant, scene.addresses.tenant_of_invitee)
        return Step(sentence, link, "Follow the link")
    if guided.status == EXPIRED and not scene.is_tenant:
        return Step("The link has expired. Ask for a new one on this page.")
    return _to_the_mail(scene, guided)


def _to_the_login(scene: Scene, guided: Guided, sentence: str) -> Step:
    return Step(sentence, _login(scene.addresses.site_of_invitee, guided.email), "Sign in")


def _to_the_mail(scene: Scene, guided: Guided) -> Step:
    if guided.mail_id:
        return Step(f"A mail to {guided.email} is there.", _mail(scene, guided), "Open the mail")
    return Step("The mail is on its way.", scene.addresses.mailbox, "Look again")


def _on_forgot_page(scene: Scene, guided: Guided) -> Step:
    if scene.is_form_sent:
        return _to_the_mail(scene, guided)
    return Step(f"Ask for a mail to {guided.email}: its link leads to a new password.")


def _on_password_page(scene: Scene, guided: Guided, again: str) -> Step:
    has_one = guided.status == State.PASSWORD_SET
    if scene.is_refusal and has_one:
        return _to_the_login(
            scene, guided, "This link does not work any more; the password is set."
        )
    if scene.is_refusal:
        return Step(
            "This link does not work any more; the mail says how to go on.",
            _mail(scene, guided),
            "Open the mail",
        )
    if scene.path in INTERSTITIALS:
        return Step("Press the button: programs that follow links in mails do not.")
    if scene.is_form_sent:
        return Step(f"The password is set. Press the button that leads back.{again}")
    if has_one:  # forgotten since; from there the Classic page leads nowhere
        choose = f"Choose a password, such as {PASSWORD}, and sign in with it."
        return _to_the_login(scene, guided, choose)
    return Step(f"Choose a password, such as {PASSWORD}, and type it twice.{again}")


def _accepted(scene: Scene, guided: Guided) -> Step:
    page = _page_of(scene, guided)
    if _is_on_page_of(scene, guided):
        return Step(
            f"{guided.name} has accepted: each step below says who has proved it.",
            scene.addresses.dashboard,
            "Try another scenario",
        )
    words = "Back to the owner" if scene.is_invitee else "See the invitation"
    return Step(f"{guided.name} has accepted.", page, words)


def _ended(scene: Scene, guided: Guided) -> Step:
    ended = f"The invitation of {guided.name} has ended."
    if _is_on_page_of(scene, guided):
        return Step(
            f"{ended} This page says why.", scene.addresses.site + FORM, "Invite somebody else"
        )
    return Step(ended, _page_of(scene, guided), "See why")


def _is_on_page_of(scene: Scene, guided: Guided) -> bool:
    """Whether the owner has the page of the invitation open."""
    is_owners = not (scene.is_invitee or scene.is_tenant)
    return is_owners and scene.addresses.site + scene.path == _page_of(scene, guided)


def _page_of(scene: Scene, guided: Guided) -> str:
    return f"{scene.addresses.site}/admin/invitations/{guided.number}"


def _mail(scene: Scene, guided: Guided) -> str:
    """The mail, or the mailbox while there is none."""
    return (
        f"{scene.addresses.mailbox}/{guided.mail_id}" if guided.mail_id else scene.addresses.mailbox
    )
