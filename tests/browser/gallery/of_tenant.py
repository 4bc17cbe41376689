"""The pages of the local tenant, and a mail."""

from playwright.sync_api import expect

from tests.support.running import ADMIN

from .opener import Gallery


def hang_tenant_pages(gallery: Gallery) -> None:
    tenant = gallery.tenant
    sent = gallery.sent("Ada Byron")
    visitor = gallery.visitor()
    gallery.hang("tenant: about", visitor, tenant.url)
    gallery.hang("tenant: login", visitor, "/login")
    gallery.hang("tenant: dashboard", visitor, f"{tenant.url}/_tenant/dashboard")
    mistaken = gallery.hang("tenant: login with a mistake", gallery.visitor(), "/login")
    mistaken.get_by_label("Email address").fill(ADMIN)
    mistaken.get_by_label("Password", exact=True).fill("not this one")
    mistaken.get_by_role("button", name="Continue", exact=True).click()
    expect(mistaken.get_by_role("alert")).to_be_visible()
    gallery.hang("tenant: password page", visitor, tenant.link_to(sent.email))
    gallery.hang("tenant: error", visitor, f"{tenant.url}/lo/reset?ticket=unknown")
    mail = tenant.mails(sent.email)[0]
    gallery.hang("tenant: mailbox", visitor, tenant.mailbox_url)
    gallery.hang("tenant: one mail", visitor, f"{tenant.mailbox_url}/{mail['ID']}")
    gallery.pages["mail"] = visitor.new_page()
    gallery.pages["mail"].set_content(mail["HTML"])
