"""Many people at once: a list becomes a preview, and the preview a batch that can be followed."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from ...errors import InvitationError, NotPossibleNow, UnreadableList
from ...invitations.batches.judging import Fate
from ...invitations.batches.previews import KEPT
from ...invitations.lifecycle import EXPIRED, State
from ...invitations.tables import Batch
from ...printable import one_line
from ..current import services
from ..forms import ListForm
from ..templating import grouped
from . import bp, csv_files
from .reading import inviter, row_id

PAGE = 50  # rows of a preview, and batches
NAME_LENGTH = 80
GONE_OUT = (State.SENT, State.PASSWORD_SET, State.ACCEPTED, EXPIRED)


@bp.get("/batches")
def batches() -> ResponseReturnValue:
    """The batches and the previews that were not sent yet, newest first."""
    before = request.args.get("before", type=row_id)
    found = services.batches.latest(before=before, size=PAGE + 1)
    return render_template(
        "admin/batches.html",
        batches=found[:PAGE],
        under_way=services.batches.under_way(found),
        older=found[PAGE - 1].id if len(found) > PAGE else None,
        is_first_page=before is None,
    )


@bp.get("/batches/new")
def new_batch() -> ResponseReturnValue:
    return _form_page(ListForm(formdata=None))


@bp.post("/batches")
def preview_batch() -> ResponseReturnValue:
    """Read a list and show what would come of each row; nothing is sent yet."""
    form = ListForm()
    if form.validate_on_submit():
        upload: FileStorage | None = form.file.data
        try:
            batch = services.batches.preview(
                upload.read() if upload else form.text.data or "",
                name=_name_of(upload),
                inviter=inviter(),
            )
        except UnreadableList as refused:
            form["file" if upload else "text"].errors = [str(refused)]
        else:
            return redirect(url_for("admin.batch", batch_id=batch.id), 303)
    return _form_page(form), 422


@bp.get("/batches/template.csv")
def template_csv() -> ResponseReturnValue:
    """An empty list with the columns that are read."""
    return csv_files.answer(
        [("Email address", "Name", "Language", "Note", "Roles")], name="people.csv"
    )


@bp.get("/batches/<int32:batch_id>")
def batch(batch_id: int) -> ResponseReturnValue:
    """The preview until it is sent, then how far the batch is."""
    found = services.batches.get(batch_id)
    if found.started_at is None:
        return _preview_page(found)
    return render_template("admin/batch.html", batch=found, **_progress_of(found))


@bp.get("/batches/<int32:batch_id>/progress")
def batch_progress(batch_id: int) -> ResponseReturnValue:
    """The part of the page that changes, for the script that puts it in place of the older one."""
    found = services.batches.get(batch_id)
    return render_template("admin/_batch_progress.html", batch=found, **_progress_of(found))


@bp.get("/batches/<int32:batch_id>/results.csv")
def batch_results(batch_id: int) -> ResponseReturnValue:
    """What came of each row, as a table for a spreadsheet program."""
    try:
        rows = services.batches.results(batch_id)
    except NotPossibleNow as refused:
        return _back_to(batch_id, str(refused), "warning")
    return csv_files.answer(rows, name=f"batch-{batch_id}.csv")


@bp.post("/batches/<int32:batch_id>/start")
def start_batch(batch_id: int) -> ResponseReturnValue:
    """Make invitations of all good rows. Sent twice, it is the same as once."""
    started = services.batches.start(batch_id, inviter=inviter())
    sentence = f"{_invitations(started.opened)} on the way."
    if started.left_out:
        sentence += f" Left out: {grouped(started.left_out)}. The results say why, row by row."
    return _back_to(batch_id, sentence, "success" if started.opened else "warning")


@bp.post("/batches/<int32:batch_id>/pause")
def pause_batch(batch_id: int) -> ResponseReturnValue:
    services.batches.pause(batch_id)
    return _back_to(
        batch_id, "Paused. What is being sent at this moment still goes out.", "success"
    )


@bp.post("/batches/<int32:batch_id>/resume")
def resume_batch(batch_id: int) -> ResponseReturnValue:
    services.batches.resume(batch_id)
    return _back_to(batch_id, "The batch goes on.", "success")


@bp.post("/batches/<int32:batch_id>/cancel")
def cancel_batch(batch_id: int) -> ResponseReturnValue:
    services.batches.cancel(batch_id, actor=inviter().name)
    return _back_to(
        batch_id, "Cancelled. What had not gone out is revoked; what had gone out stays.", "success"
    )


@bp.post("/batches/<int32:batch_id>/resend")
def resend_batch(batch_id: int) -> ResponseReturnValue:
    """Send the failed ones again."""
    resent = services.batches.send_failed_again(batch_id, actor=inviter().name)
    return _back_to(batch_id, f"{_invitations(resent)} queued again.", "success")


@bp.post("/batches/<int32:batch_id>/rows/<int32:batch_row_id>")
def correct_row(batch_id: int, batch_row_id: int) -> ResponseReturnValue:
    """Another address or name for one row of a preview; it is judged anew."""
    try:
        row = services.batches.correct(
            batch_id,
            batch_row_id,
            _storable(request.form.get("email", "")),
            _storable(request.form.get("name", "")),
        )
    except InvitationError as refused:
        return _back_to(batch_id, str(refused), "error")
    if row.fate == Fate.GOOD:
        return _back_to(batch_id, f"Line {row.line} is corrected and will be invited.", "success")
    return _back_to(batch_id, f"Line {row.line}: {row.reason}", "error")


@bp.post("/batches/<int32:batch_id>/rows/<int32:batch_row_id>/leave-out")
def leave_row_out(batch_id: int, batch_row_id: int) -> ResponseReturnValue:
    try:
        services.batches.leave_out(batch_id, batch_row_id)
    except InvitationError as refused:
        return _back_to(batch_id, str(refused), "error")
    return _back_to(batch_id, "The row is left out of this batch.", "success")


# Pages --------------------------------------------------------------------------------------------


def _form_page(form: ListForm) -> str:
    return render_template("admin/batch_new.html", form=form)


def _preview_page(batch: Batch) -> str:
    after = request.args.get("after", type=_position)
    found = services.batches.rows(batch.id, after=after, size=PAGE)
    fates = _fates_of(batch)
    good = dict(fates)[Fate.GOOD]
    rate = services.batches.rate()
    return render_template(
        "admin/batch_preview.html",
        batch=batch,
        rows=found.rows,
        next=_in_address(found.next),
        position=_in_address(after),
        fates=fates,
        total=sum(number for _, number in fates),
        good=good,
        seconds=good / rate if rate else None,
        kept_until=batch.created_at + KEPT,
    )


def _progress_of(batch: Batch) -> dict[str, object]:
    progress = services.batches.progress(batch.id)
    counts = progress.counts
    total = sum(counts.values())
    gone_out = sum(counts[each] for each in GONE_OUT)
    return {
        "progress": progress,
        "counts": {status: number for status, number in counts.items() if number},
        "total": total,
        "gone_out": gone_out,
        # Told to screen readers, who would not want to hear of each invitation.
        "tenths": 10 * gone_out // total if total else 10,
        "left_out": [(fate, number) for fate, number in _fates_of(batch) if number],
        "seconds_left": (progress.ends_at - services.clock()).total_seconds()
        if progress.ends_at
        else None,
    }


def _fates_of(batch: Batch) -> list[tuple[Fate, int]]:
    """How many rows have each fate: of the list, or, after the start, of those left out."""
    numbers = services.batches.fates(batch.id)
    return [(fate, numbers.get(fate, 0)) for fate in Fate]


def _back_to(batch_id: int, sentence: str, category: str) -> ResponseReturnValue:
    """To the batch; to that page of its preview which a form of a row was on."""
    flash(sentence, category)
    after = _in_address(request.form.get("after", type=_position))
    return redirect(url_for("admin.batch", batch_id=batch_id, after=after), 303)


def _in_address(after: tuple[int, int] | None) -> str | None:
    return "-".join(map(str, after)) if after else None


def _position(text: str) -> tuple[int, int]:
    """Where a page of a preview begins, out of its address. Raises ValueError for anything else."""
    group, number = text.split("-")
    return row_id(group), row_id(number)


def _name_of(upload: FileStorage | None) -> str:
    """What to call the batch: the name of the file without its folders."""
    if upload is None:
        return "Pasted list"
    name = one_line((upload.filename or "").replace("\\", "/").rpartition("/")[2])
    if len(name) > NAME_LENGTH:
        return f"{name[: NAME_LENGTH - 1]}…"
    return name or "Uploaded list"


def _storable(text: str) -> str:
    """What was typed, without the one sign that PostgreSQL cannot store. No browser sends it."""
    return text.replace("\0", "")


def _invitations(number: int) -> str:
    return "1 invitation is" if number == 1 else f"{grouped(number)} invitations are"
