"""One action on many invitations: chosen in the list, asked about, done by a worker, followed."""

import secrets
from collections.abc import Sequence

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ...errors import NotPossibleNow
from ...invitations.jobs import JobKind
from ...invitations.listing import Filters
from ...invitations.tables import Job
from ...printable import one_line
from ..current import services
from ..forms import REASON_LENGTH, REASON_TOO_LONG
from . import bp
from .filters import chips_of, filters_in, in_address
from .invitations import DAYS
from .reading import inviter, list_last_seen, row_id


@bp.get("/jobs/new")
def new_job() -> ResponseReturnValue:
    """Asks before anything is done, with the number. Each `id` in the address is one invitation; `all`
    stands for every one that fits its filters. Without either, all that fit are meant where there is
    a filter."""
    kind = request.args.get("kind", type=JobKind)
    if kind is None:
        return redirect(list_last_seen(), 303)
    numbers = request.args.getlist("id", type=row_id)
    is_all = bool(request.args.get("all")) or not (numbers or filters_in(request.args).is_any)
    if not is_all and not numbers:
        flash("Choose at least one invitation first.", "error")
        return redirect(list_last_seen(), 303)
    count = services.jobs.count(filters_in(request.args) if is_all else None, numbers)
    if not count.number and count.is_exact:
        flash("No invitation matches any more.", "warning")
        return redirect(list_last_seen(), 303)
    return _form_page(kind, is_all, numbers)


@bp.post("/jobs")
def begin_job() -> ResponseReturnValue:
    """Begin it. Sent twice, it is the same as once."""
    kind = request.form.get("kind", type=JobKind)
    if kind is None:
        return redirect(list_last_seen(), 303)
    is_all = bool(request.form.get("all"))
    numbers = request.form.getlist("id", type=row_id)
    reason = one_line(request.form.get("reason", ""))
    if len(reason) > REASON_LENGTH:
        return _form_page(kind, is_all, numbers, REASON_TOO_LONG), 422
    try:
        job = services.jobs.begin(
            kind,
            filters=filters_in(request.form) if is_all else None,
            numbers=numbers,
            actor=inviter().name,
            reason=reason,
            days=request.form.get("days", type=row_id),
            form_key=one_line(request.form.get("key", ""))[:64] or None,
        )
    except NotPossibleNow as refused:
        return _form_page(kind, is_all, numbers, str(refused)), 422
    return redirect(url_for("admin.job", job_id=job.id), 303)


@bp.get("/jobs/<int32:job_id>")
def job(job_id: int) -> ResponseReturnValue:
    """How far a job is, and what it could not change."""
    found = services.jobs.get(job_id)
    return render_template("admin/job.html", back=list_last_seen(), **_progress_of(found))


@bp.get("/jobs/<int32:job_id>/progress")
def job_progress(job_id: int) -> ResponseReturnValue:
    """The part of the page that changes, for the script that puts it in place of the older one."""
    return render_template("admin/_job_progress.html", **_progress_of(services.jobs.get(job_id)))


@bp.post("/jobs/<int32:job_id>/stop")
def stop_job(job_id: int) -> ResponseReturnValue:
    services.jobs.stop(job_id)
    flash("Stopped. What the job has changed stays so.", "success")
    return redirect(url_for("admin.job", job_id=job_id), 303)


def _progress_of(job: Job) -> dict[str, object]:
    now = services.clock()
    return {
        "job": job,
        "now": now,
        "absence": "" if job.ended_at else services.heartbeats.absence(now),
        "refusals": sorted(job.refusals.items(), key=lambda each: (-each[1], each[0])),
    }


def meant_by(filters: Filters | None, numbers: Sequence[int]) -> dict[str, object]:
    """How many invitations a job would look at now, and the words of its filters."""
    return {
        "count": services.jobs.count(filters, numbers),
        "chips": chips_of(filters) if filters else [],
    }


def _form_page(kind: JobKind, is_all: bool, numbers: list[int], error: str = "") -> str:
    given = request.args if request.method == "GET" else request.form
    filters = filters_in(given) if is_all else None
    return render_template(
        "admin/job_new.html",
        kind=kind,
        is_all=is_all,
        numbers=[] if is_all else numbers,
        in_address=in_address(filters) if filters else {},
        **meant_by(filters, numbers),
        reason=request.form.get("reason", ""),
        days=request.form.get("days", DAYS),
        error=error,
        key=secrets.token_urlsafe(16),
        mails_to_extend=services.resending.mails_to_extend,
        back=list_last_seen(),
    )
