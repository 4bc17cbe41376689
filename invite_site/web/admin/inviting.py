"""The form for one person, with the mail beside it as it will arrive."""

from dataclasses import dataclass
from email.message import EmailMessage

from flask import (
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded

from ...errors import (
    AlreadyAccepted,
    AlreadyInvited,
    DeliveryError,
    InvalidInvitee,
    MailFailure,
    MailRefused,
    NotPossibleNow,
)
from ...invitations.options import Options, takes_words
from ...invitations.people import Invitee
from ...invitations.sending import channels
from ...mail.message import part_of
from ...printable import one_line
from ..current import is_asked_by_script, services
from ..forms import InviteForm
from ..rate_limits import TEST_MAIL_EVERY, limited_test_mail, seconds_left
from . import bp
from .drafts import Draft, UnreadableDraft
from .reading import admin_session, inviter, row_id

SAMPLE_ADDRESS = "ada@example.com"  # while none is typed
# A mail brings its own styles. It runs nothing, loads nothing and sends nothing.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)
# Its links ask for a window of their own, which the sandbox refuses. So a press on one does nothing, and no
# other page comes into the frame.
NO_WAY_OUT = '<base target="_blank">'


@bp.get("/invitations/new")
def new() -> ResponseReturnValue:
    """The form; `from` is an invitation that has ended, whose person is to be invited again."""
    earlier = request.args.get("from", type=row_id)
    offer = services.role_offers.current()
    row = services.ledger.get(earlier) if earlier is not None else None
    return _form_page(InviteForm(settings=services.settings, roles=offer.roles, earlier=row))


@bp.post("/invitations")
def create() -> ResponseReturnValue:
    """Queue one invitation. What was typed stays in the form until it is."""
    form = _sent_form()
    taken: AlreadyInvited | AlreadyAccepted | None = None
    if form.validate_on_submit():
        try:
            row = services.invitations.invite(
                form.email.data or "",
                name=form.name.data or "",
                inviter=inviter(),
                form_key=one_line(form.key.data or "")[:64] or None,
                again=bool(form.again.data),
                options=form.options(services.settings),
            )
        except InvalidInvitee as invalid:
            form[invalid.field].errors = [str(invalid)]
        except (AlreadyInvited, AlreadyAccepted) as refused:
            taken = refused
            form.email.errors = [str(refused)]
        else:
            flash("The invitation is on its way.", "success")
            return redirect(url_for("admin.invitation", invitation_id=row.id), 303)
    return _form_page(form, taken), 422


@bp.post("/invitations/preview")
def preview() -> ResponseReturnValue:
    """*Preview*, and what script asks for while somebody types: the form with the mail beside it."""
    form = _sent_form()
    return _form_page(form), 200 if _draft(form)[0] or is_asked_by_script() else 422


@bp.get("/invitations/preview/mail")
def preview_mail() -> ResponseReturnValue:
    """The HTML of the mail, for the frame."""
    try:
        draft = Draft.opened(request.args.get("draft", ""), services.settings.secret_keys)
    except UnreadableDraft:
        abort(404)
    response = make_response(part_of(_message(draft), "html") + NO_WAY_OUT)
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response


@bp.post("/invitations/test")
def send_test() -> ResponseReturnValue:
    """*Send a test to me*: the mail, with a sample link, to whoever is signed in."""
    # Where the tenant writes the mail there may be no mail server.
    if not takes_words(services.settings):
        abort(404)
    form = _sent_form()
    draft, problem = _draft(form)
    if draft is None:
        return _form_page(form, test=Notice("error", f"The test was not sent. {problem}")), 422
    try:
        address = _own_address()
        with limited_test_mail():
            services.samples.send(address, _invitee(draft), _options(draft), inviter())
    except RateLimitExceeded:
        sentence = (
            f"There is one test in {TEST_MAIL_EVERY} seconds. Wait a moment, then press again."
        )
        page = _form_page(form, test=Notice("warning", sentence))
        return page, 429, {"Retry-After": str(seconds_left())}
    except MailFailure as failed:
        return _form_page(form, test=Notice("error", f"The test was not sent. {failed}")), 503
    except NotPossibleNow as refused:
        return _form_page(form, test=Notice("error", str(refused))), 422
    return _form_page(form, test=Notice("success", f"A test is on its way to {address}."))


@dataclass(frozen=True, slots=True)
class Notice:
    """What came of a test mail; `kind` is that of a banner."""

    kind: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Preview:
    """The mail of a draft as the page shows it: `address` is that of its HTML."""

    sender: str
    recipient: str
    subject: str
    text: str
    address: str


def _sent_form() -> InviteForm:
    return InviteForm(settings=services.settings, roles=services.role_offers.current().roles)


def _form_page(
    form: InviteForm,
    taken: AlreadyInvited | AlreadyAccepted | None = None,
    test: Notice | None = None,
) -> str:
    settings = services.settings
    channel, limits = channels.describe(settings)
    has_preview = takes_words(settings)
    draft, problem = _draft(form) if has_preview else (None, "")
    return render_template(
        "admin/invite.html",
        form=form,
        taken=taken,
        has_accepted=isinstance(taken, AlreadyAccepted) or form.again.data,
        channel=channel,
        limits=limits,
        role_sentence=services.role_offers.current().sentence,
        has_preview=has_preview,
        preview=_preview(draft) if draft else None,
        problem=problem,
        test=test,
    )


def _draft(form: InviteForm) -> tuple[Draft | None, str]:
    """What is typed so far, or why no mail can be made of it."""
    draft = Draft(
        (form.email.data or "").strip() or SAMPLE_ADDRESS,
        form.name.data or "",
        (form.note and form.note.data) or "",
        form.chosen_lifetime,
        form.chosen_language,
    )
    try:
        _message(draft)
    except (InvalidInvitee, MailRefused) as invalid:
        return None, str(invalid)
    return draft, ""


def _invitee(draft: Draft) -> Invitee:
    return Invitee.parse(draft.email, draft.name, allow_test_domains=services.settings.is_local)


def _options(draft: Draft) -> Options:
    return Options.parse(
        services.settings, note=draft.note, lifetime=draft.lifetime, language=draft.language
    )


def _message(draft: Draft) -> EmailMessage:
    return services.samples.message(_invitee(draft), _options(draft), inviter())


def _preview(draft: Draft) -> Preview:
    message = _message(draft)
    settings = services.settings
    invitee = _invitee(draft)
    return Preview(
        sender=_shown(settings.mail_from.name, settings.mail_from.address),
        recipient=_shown(invitee.name, invitee.email),
        subject=str(message["Subject"]),
        text=part_of(message, "plain").strip(),
        address=url_for("admin.preview_mail", draft=draft.sealed(settings.secret_keys)),
    )


def _shown(name: str, address: str) -> str:
    return f"{name} <{address}>" if name else address


def _own_address() -> str:
    """The address of whoever is signed in, as the tenant has verified it. Raises NotPossibleNow."""
    try:
        user = services.tenant.get_user(admin_session().sub)
    except DeliveryError as failed:
        raise NotPossibleNow(
            f"The test was not sent: the tenant has to say which address is yours. {failed}"
        ) from failed
    if user is None or not user.email or not user.email_verified:
        raise NotPossibleNow(
            "The test was not sent: the tenant has not verified your own address. Verify it, then "
            "press again."
        )
    try:
        own = Invitee.parse(user.email, allow_test_domains=services.settings.is_local)
    except InvalidInvitee as refused:
        raise NotPossibleNow(
            f"The test was not sent: to your own address at the tenant nothing can be sent. {refused}"
        ) from refused
    return own.email_norm
