"""Every page as people meet it. `python -m tests.browser.gallery FOLDER` takes a picture of each, on a phone
and at a desk, in light and dark."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser

from tests.support.running import running_site, running_tenant, settings_for

from .of_admins import hang_admin_pages, hang_job_pages, hang_rights_pages
from .of_batches import hang_batch_pages
from .of_invitees import hang_invitee_pages
from .of_tenant import hang_tenant_pages
from .opener import Gallery

ADMIN_PAGES = [
    "empty list",
    "list",
    "overview",
    "list of older ones",
    "list without a match",
    "paused list",
    "form",
    "form with a mistake",
    "form with a taken address",
    "queued",
    "queued while paused",
    "sending",
    "sent",
    "sent again, with a message",
    "password set",
    "accepted",
    "expired",
    "revoked",
    "failed",
    "revoke",
    "change address",
    "form for all at once",
    "kept form",
    "list with every filter",
    "long history",
    "admin's welcome",
    "somebody is signed in",
    "fault of ours",
    "database away",
]
JOB_PAGES = [
    "question before a revocation",
    "question before an extension",
    "job under way",
    "job that is over",
    "kept job",
]
RIGHTS_PAGES = [
    "admins",
    "admins, with an offer to invite",
    "admins, one of them awaited",
    "last admin",
    "revoke invitations of an admin",
]
BATCH_PAGES = [
    "no batches",
    "batches",
    "overview with batches",
    "form for many",
    "form for many, with a mistake",
    "preview",
    "preview of nothing to send",
    "batch that is over",
    "batch under way",
    "paused batch",
    "cancelled batch",
    "list too large",
    "no such batch",
]
INVITEE_PAGES = [
    "start",
    "welcome",
    "link used",
    "link replaced",
    "link expired",
    "password not set",
    "our own link",
    "renewal",
    "renewal asked for",
    "renewal in German",
    "link expired, in French",
    "ended: accepted",
    "ended: revoked",
    "ended: failed",
    "wrong account",
    "withdrawn",
    "unverified",
    "sign-in to start again",
    "sign-in from elsewhere",
    "not an admin",
    "no such page",
]
# Invitees' pages as a language that is written from right to left has them.
MIRRORED_PAGES = [
    "mirrored: start",
    "mirrored: link replaced",
    "mirrored: our own link",
    "mirrored: renewal",
    "mirrored: welcome",
]
TENANT_PAGES = [
    "tenant: login",
    "tenant: login with a mistake",
    "tenant: password page",
    "tenant: empty mailbox",
    "tenant: mailbox",
    "tenant: one mail",
    "tenant: error",
    "tenant: about",
    "tenant: dashboard",
]
SITE_PAGES = ADMIN_PAGES + JOB_PAGES + RIGHTS_PAGES + BATCH_PAGES + INVITEE_PAGES + MIRRORED_PAGES
ALL_PAGES = [*SITE_PAGES, *TENANT_PAGES, "mail"]

# Pages that follow what happens ask no more: a hundred of them would keep the processors busy.
AT_REST = "() => { window.fetch = () => new Promise(() => {}) }"


@contextmanager
def opened(browser: Browser, folder: Path) -> Iterator[Gallery]:
    """All pages of a site and its tenant, which keep their files in this folder."""
    with running_tenant(folder) as tenant, running_site(settings_for(tenant, folder)) as site:
        site.make_admin()
        gallery = Gallery(browser, site, tenant)
        hang_admin_pages(gallery)
        hang_job_pages(gallery)
        hang_rights_pages(gallery)
        hang_invitee_pages(gallery)
        hang_tenant_pages(gallery)
        hang_batch_pages(gallery)  # at the end: what is under way stays so
        assert sorted(gallery.pages) == sorted(ALL_PAGES)
        for page in gallery.pages.values():
            page.evaluate(AT_REST)
        yield gallery
        gallery.close()
