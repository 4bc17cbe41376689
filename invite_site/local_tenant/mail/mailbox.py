"""The mailbox: a page for people, and JSON in the shape of Mailpit's API for programs."""

import re
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, make_response, render_template, request
from flask.typing import ResponseReturnValue

from ..tenant import current_tenant
from ..web import message_page
from .message import Message, first_link, read_mail, split_links

bp = Blueprint("mailbox", __name__, url_prefix="/mailbox")

# Mailpit's own default, and how many the page shows.
PAGE_LENGTH = 50


@bp.get("")
@bp.get("/")
def show() -> ResponseReturnValue:
    """The list of mails, newest first."""
    tenant, start = current_tenant(), _number("start", 0)
    total, unread = tenant.mails.counts()
    mails = [read_mail(mail) for mail in tenant.mails.page(start, PAGE_LENGTH)]
    older = start + PAGE_LENGTH if start + PAGE_LENGTH < total else None
    return render_template("mailbox.html", mails=mails, total=total, unread=unread, older=older)


@bp.get("/<mail_id>")
def show_mail(mail_id: str) -> ResponseReturnValue:
    """One mail: headers, the text with its links, and the HTML part in a frame."""
    message = _message(mail_id)
    current_tenant().mails.mark_read(mail_id)
    is_demo = current_tenant().config.demonstration is not None
    return render_template(
        "mail.html",
        message=message,
        pieces=split_links(_for_invitee(message.text)),
        open_as=_name_of(message),
        open_at=_for_invitee(first_link(message)) if is_demo else "",
    )


@bp.get("/<mail_id>/html")
def show_html(mail_id: str) -> ResponseReturnValue:
    """The HTML part alone, for the frame: inline styles, no scripts, nothing loaded."""
    response = make_response(_with_top_links(_for_invitee(_message(mail_id).html)))
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none';"
        # Of the same origin, so that the page around it can read its height; it runs no script.
        " frame-ancestors 'self'; sandbox allow-same-origin allow-popups"
        " allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
    )
    return response


def _message(mail_id: str) -> Message:
    mail = current_tenant().mails.get(mail_id)
    if mail is None:
        abort(message_page("No such mail", "It may have been deleted.", 404))
    return read_mail(mail)


def _name_of(message: Message) -> str:
    """How the recipient is called: the first word of the name, or what the address begins with."""
    to = message.to[0] if message.to else {"Name": "", "Address": message.sender["Address"]}
    return (to["Name"].split() or [to["Address"].partition("@")[0]])[0]


def _for_invitee(text: str) -> str:
    """In a demo, the same text with its links under the invitee's host name: whoever reads the mail as the
    owner would follow them as the owner, and end signed in as the invitee."""
    demonstration = current_tenant().config.demonstration
    if demonstration is None:
        return text
    host = urlsplit(demonstration.invitee_url).hostname or ""
    return text.replace("http://localhost:", f"http://{host}:")


def _with_top_links(html: str) -> str:
    """The same HTML with links that replace the whole page, not the frame."""
    base = '<base target="_top">'
    with_head, changes = re.subn(r"(<head\b[^>]*>)", rf"\1{base}", html, count=1, flags=re.I)
    if changes:
        return with_head
    # After a doctype: before it, it would switch the frame to quirks mode.
    return re.sub(r"^(\s*<!doctype[^>]*>)?", rf"\g<0>{base}", html, count=1, flags=re.I)


@bp.get("/api/v1/messages")
def list_messages() -> ResponseReturnValue:
    """A page of summaries, newest first; `start` and `limit` as Mailpit has them."""
    tenant = current_tenant()
    start, limit = _number("start", 0), _number("limit", PAGE_LENGTH)
    total, unread = tenant.mails.counts()
    messages = [read_mail(mail).summary() for mail in tenant.mails.page(start, limit)]
    return {
        "total": total,
        "unread": unread,
        "count": len(messages),
        "messages_count": total,
        "messages_unread": unread,
        "start": start,
        "tags": [],
        "messages": messages,
    }


@bp.get("/api/v1/message/<mail_id>")
def get_message(mail_id: str) -> ResponseReturnValue:
    """One mail with its parts; reading it marks it as read, as with Mailpit."""
    tenant = current_tenant()
    mail = tenant.mails.get(mail_id)
    if mail is None:
        return Response("404 page not found", status=404, mimetype="text/plain")
    tenant.mails.mark_read(mail_id)
    return read_mail(mail).whole()


@bp.delete("/api/v1/messages")
def delete_messages() -> ResponseReturnValue:
    """Delete the mails in `{"IDs": […]}`, or all of them without a body."""
    tenant = current_tenant()
    body = request.get_json(silent=True)
    wanted = body.get("IDs") if isinstance(body, dict) else None
    if wanted:
        tenant.mails.delete([str(each) for each in wanted])
    else:
        tenant.mails.delete_all()
    return Response("ok", mimetype="text/plain")


def _number(name: str, default: int) -> int:
    text = request.args.get(name, "")
    # No number of mails is longer; SQLite, and Python itself, refuse those that are far longer.
    return int(text) if re.fullmatch("[0-9]{1,7}", text) else default
