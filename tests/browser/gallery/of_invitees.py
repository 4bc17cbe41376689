"""The pages of invitees."""

from playwright.sync_api import Page, expect
from sqlalchemy import update

from invite_site.invitations.ledger.landing_links import hash_of
from invite_site.invitations.tables import Invitation
from tests.support.running import ADMIN, ADMIN_PASSWORD

from .opener import LONG_ADDRESS, LONG_NAME, Gallery, fail


def hang_invitee_pages(gallery: Gallery) -> None:
    site, services = gallery.site, gallery.site.services
    back = "/invite/complete?success={}&message={}&i={}"
    visitor = gallery.visitor()
    gallery.hang("start", visitor, "/")
    used = "This URL can be used only once"
    gallery.hang("link used", visitor, back.format("false", used, ""))
    replaced = gallery.sent("Rosalind Franklin")
    services.resending.resend(replaced.id, actor="Grace Hopper")
    site.delivers()
    gallery.hang("link replaced", visitor, back.format("false", used, replaced.ref))
    gallery.hang("link expired", visitor, back.format("false", "Access expired", ""))
    gallery.hang("password not set", visitor, back.format("false", "Something else", ""))
    gallery.hang("sign-in to start again", visitor, "/callback?state=unknown")
    gallery.hang("sign-in from elsewhere", visitor, "/login?iss=https://evil.example/")
    gallery.hang("no such page", visitor, "/nowhere")

    accepted = gallery.accepted("Marie Curie")
    gallery.hang("ended: accepted", visitor, back.format("true", "", accepted.ref))
    revoked = gallery.row()
    services.invitations.revoke(revoked.id, actor="Grace Hopper")
    gallery.hang("ended: revoked", visitor, back.format("true", "", revoked.ref))
    failed = gallery.row()
    leases = services.deliveries.leases
    for job in leases.claim("a worker", limit=10, now=site.clock(), calls={}):
        fail(site, job)
    gallery.hang("ended: failed", visitor, back.format("true", "", failed.ref))

    invitee = gallery.visitor()
    gallery.logs_in(gallery.hang("welcome", invitee, "/login"), accepted.email)
    gallery.hang("not an admin", invitee, "/admin/invitations")

    sent = gallery.sent()
    page = gallery.hang("wrong account", gallery.visitor(), back.format("true", "", sent.ref))
    gallery.logs_in(page, ADMIN, ADMIN_PASSWORD)
    gallery.chose_password(sent)
    gallery.tenant.lies("email_verified_false", times=1)
    gallery.logs_in(gallery.hang("unverified", gallery.visitor(), "/login"), sent.email)
    services.invitations.revoke(sent.id, actor="Grace Hopper")
    gallery.logs_in(gallery.hang("withdrawn", gallery.visitor(), "/login"), sent.email)

    french = back.format("false", "Access expired", "") + "&lang=fr"
    gallery.hang("link expired, in French", gallery.visitor(), french)
    renewal = f"/invite/renew?i={replaced.ref}"
    gallery.hang("renewal in German", gallery.visitor(), f"{renewal}&lang=de")
    asking = gallery.visitor()
    gallery.hang("renewal", asking, renewal)
    page = gallery.hang("renewal asked for", asking, renewal)
    page.get_by_role("button", name="Send me a new link").click()
    expect(page.get_by_role("heading", name="Look into your mailbox")).to_be_visible()
    own = gallery.row(LONG_NAME, f"own.{LONG_ADDRESS[4:]}")
    token = "t" * 43
    with services.engine.begin() as db:
        row = update(Invitation).where(Invitation.id == own.id)
        db.execute(row.values(state="sent", landing_hash=hash_of(token)))
    gallery.hang("our own link", visitor, f"/i/{token}")
    for name in ("start", "link replaced", "our own link", "renewal", "welcome"):
        of = gallery.pages[name]
        mirror(gallery.hang(f"mirrored: {name}", of.context, of.url))


def mirror(page: Page) -> None:
    """Give it a language that is written from right to left, whose words are longer and hold no letter of
    English."""
    page.evaluate(
        """() => {
            document.documentElement.dir = "rtl";
            document.documentElement.lang = "he";
            const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (texts.nextNode()) {
                const text = texts.currentNode;
                if (text.parentElement.closest("bdi, .address, a[href^=mailto], script")) continue;
                text.data = text.data.replace(/[a-z]+/gi, (word) =>
                    [...word + word.slice(0, 2)].map((letter) =>
                        String.fromCharCode(0x5d0 + letter.toLowerCase().charCodeAt(0) % 27)).join(""));
            }
        }"""
    )
