"""The mailbox: the catcher, the page for people, and the JSON for programs."""

import smtplib
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from invite_site.local_tenant import TenantConfig, serve

from .client import TenantClient

LINK = "http://localhost:3001/lo/reset?ticket=abc#type=invite&app=Acme%20Inc"


def test_it_works(tenant: TenantClient) -> None:
    """A mail is taken, listed, shown, and deleted."""
    tenant.send_mail("Grüße", f"Open {LINK}.\n", f'<p>Open <a href="{LINK}">this</a></p>')

    listed = tenant.messages()
    assert (listed["total"], listed["unread"], listed["count"]) == (1, 1, 1)
    (summary,) = listed["messages"]
    assert summary["Subject"] == "Grüße"
    assert summary["From"] == {"Name": "Acme", "Address": "acme@example.com"}
    assert summary["To"] == [{"Name": "Ada Byron", "Address": "ada@example.com"}]
    assert summary["MessageID"] == "one@acme.example"
    assert summary["Read"] is False
    assert summary["Snippet"].startswith("Open http://")
    assert summary["Size"] > 100
    api = f"{tenant.tenant.mailbox_url}/api/v1"
    whole = requests.get(f"{api}/message/{summary['ID']}", timeout=10).json()
    assert LINK in whole["Text"]
    assert f'href="{LINK}"' in whole["HTML"]
    assert whole["Date"]
    assert tenant.messages()["unread"] == 0
    assert requests.delete(f"{api}/messages", timeout=10).text == "ok"
    assert tenant.messages()["total"] == 0


def test_the_page_links_what_the_text_links(tenant: TenantClient) -> None:
    """The full stop after an address is not part of it."""
    tenant.send_mail("Hello <b>", f"Open {LINK}.\n<script>alert(1)</script>\n")

    listed = requests.get(tenant.tenant.mailbox_url, timeout=10).text
    page = requests.get(
        f"{tenant.tenant.mailbox_url}/{tenant.messages()['messages'][0]['ID']}", timeout=10
    ).text

    assert "Hello &lt;b&gt;" in listed
    assert f'<a href="{LINK.replace("&", "&amp;")}"' in page
    assert "<script>alert" not in page


def test_the_html_part_can_do_nothing_but_be_looked_at(tenant: TenantClient) -> None:
    """Inline styles only; its links leave the frame."""
    tenant.send_mail(
        markup=f"<!doctype html><html><head><title>x</title></head><a href='{LINK}'>go</a>"
    )
    mail_id = tenant.messages()["messages"][0]["ID"]

    answer = requests.get(f"{tenant.tenant.mailbox_url}/{mail_id}/html", timeout=10)

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "sandbox allow-same-origin allow-popups" in policy
    assert "allow-scripts" not in policy
    assert '<head><base target="_top">' in answer.text


def test_the_mailbox_is_newest_first_and_comes_in_pages(tenant: TenantClient) -> None:
    """`start` and `limit`, as with Mailpit."""
    for number in range(5):
        tenant.send_mail(f"Mail {number}")

    api = f"{tenant.tenant.mailbox_url}/api/v1/messages"
    page = requests.get(f"{api}?start=1&limit=2", timeout=10).json()

    assert [mail["Subject"] for mail in page["messages"]] == ["Mail 3", "Mail 2"]
    assert (page["total"], page["count"], page["start"]) == (5, 2, 1)


def test_chosen_mails_are_deleted(tenant: TenantClient) -> None:
    """By their IDs; the others stay."""
    tenant.send_mail("One")
    tenant.send_mail("Two")
    newest = tenant.messages()["messages"][0]["ID"]

    requests.delete(
        f"{tenant.tenant.mailbox_url}/api/v1/messages", json={"IDs": [newest]}, timeout=10
    )

    assert [mail["Subject"] for mail in tenant.messages()["messages"]] == ["One"]


def test_an_unknown_mail_is_not_found(tenant: TenantClient) -> None:
    """As a page and as JSON."""
    base = tenant.tenant.mailbox_url
    for url in (f"{base}/nope", f"{base}/nope/html", f"{base}/api/v1/message/nope"):
        assert requests.get(url, timeout=10).status_code == 404


def test_an_empty_mailbox_says_so(tenant: TenantClient) -> None:
    """And not with an empty list."""
    assert "No mail yet" in requests.get(tenant.tenant.mailbox_url, timeout=10).text


def test_an_odd_mail_is_shown_all_the_same(tenant: TenantClient) -> None:
    """No headers, wrong encodings: nothing of it is an error."""
    odd = [
        b"no headers at all",
        b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe",
        b"To: @@@\r\nDate: x\r\n\r\n",
    ]
    with smtplib.SMTP("localhost", tenant.tenant.smtp_port, timeout=10) as connection:
        for raw in odd:
            connection.sendmail("a@example.com", ["b@example.com"], raw)

    base = tenant.tenant.mailbox_url
    assert requests.get(base, timeout=10).status_code == 200
    for mail in tenant.messages()["messages"]:
        assert requests.get(f"{base}/{mail['ID']}", timeout=10).status_code == 200
        assert requests.get(f"{base}/api/v1/message/{mail['ID']}", timeout=10).status_code == 200


def test_mail_and_identity_outlive_a_restart(tmp_path: Path) -> None:
    """Client ids, secrets, the key, and what was in the mailbox."""
    config = TenantConfig(database=tmp_path / "tenant.db", port=0, smtp_port=0)
    with serve(config) as first:
        TenantClient(first).send_mail("Kept")
        before = dict(first.environment)
        key = requests.get(f"{first.url}/.well-known/jwks.json", timeout=10).json()

    with serve(config) as second:
        assert [mail["Subject"] for mail in TenantClient(second).messages()["messages"]] == ["Kept"]
        for name, value in second.environment.items():
            if name not in ("AUTH0_DOMAIN", "SMTP_URL"):
                assert value == before[name]
        assert requests.get(f"{second.url}/.well-known/jwks.json", timeout=10).json() == key


KILLED_TENANT = """
import sys, time
from pathlib import Path
from invite_site.local_tenant import TenantConfig, serve
with serve(TenantConfig(database=Path(sys.argv[1]), port=0, smtp_port=0)) as tenant:
    print(tenant.smtp_port, flush=True)
    time.sleep(60)
"""


def test_a_mail_that_was_taken_outlives_a_kill(tmp_path: Path) -> None:
    """250 means committed: the process is killed right after it."""
    database = tmp_path / "tenant.db"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED_TENANT, str(database)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout
        with smtplib.SMTP("localhost", int(process.stdout.readline()), timeout=10) as connection:
            connection.sendmail("a@example.com", ["b@example.com"], b"Subject: Kept\r\n\r\nHi")
            process.kill()

    with serve(TenantConfig(database=database, port=0, smtp_port=0)) as running:
        assert [mail["Subject"] for mail in TenantClient(running).messages()["messages"]] == [
            "Kept"
        ]


@pytest.mark.parametrize("at", ["rcpt", "data"])
def test_a_mail_refused_by_order_is_not_kept(tenant: TenantClient, at: str) -> None:
    """The status comes where it was ordered, once; the next mail passes."""
    order = {"route": "SMTP", "kind": "status", "status": 451, "at": at}
    tenant.control("POST", "/faults", order)

    with pytest.raises((smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)):
        tenant.send_mail()

    assert tenant.messages()["total"] == 0
    tenant.send_mail()
    assert tenant.messages()["total"] == 1


def test_a_connection_can_be_refused_by_order(tenant: TenantClient) -> None:
    """421 instead of a greeting."""
    tenant.control(
        "POST", "/faults", {"route": "SMTP", "kind": "status", "status": 421, "at": "connect"}
    )

    with pytest.raises(smtplib.SMTPConnectError):
        tenant.send_mail()

    tenant.send_mail()
    assert tenant.messages()["total"] == 1


@pytest.mark.parametrize(("at", "kept"), [("data", 0), ("after_store", 1), ("connect", 0)])
def test_a_connection_can_drop_by_order(tenant: TenantClient, at: str, kept: int) -> None:
    """Before the mail is stored, or after it: the sender cannot tell."""
    tenant.control("POST", "/faults", {"route": "SMTP", "kind": "reset", "at": at})

    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
        tenant.send_mail()

    assert tenant.messages()["total"] == kept


@pytest.mark.parametrize("number", ["²", "9" * 30, "9" * 5000, "-1", "x"])
def test_a_number_that_is_none_is_no_fault_of_the_mailbox(
    tenant: TenantClient, number: str
) -> None:
    """On its page and in its JSON."""
    tenant.send_mail()
    for path in ("", "/api/v1/messages"):
        for name in ("start", "limit"):
            answer = requests.get(f"{tenant.url}/mailbox{path}", params={name: number}, timeout=10)
            assert answer.status_code == 200


def test_a_demo_finds_the_newest_mail_to_an_address_among_many(tenant: TenantClient) -> None:
    """However many have come to others since, as of a list that was uploaded."""
    for subject in ("First", "Second"):
        tenant.send_mail(subject, f"Open {LINK}.\n")
    newest = tenant.messages()["messages"][0]["ID"]
    with smtplib.SMTP("localhost", tenant.tenant.smtp_port, timeout=10) as connection:
        for number in range(60):
            other = f"other{number}@example.com"
            connection.sendmail("acme@example.com", [other], b"Subject: Hello\r\n\r\nHi.\r\n")

    assert tenant.tenant.demo.newest_mail("Ada@Example.com") == (newest, LINK)
    assert tenant.tenant.demo.newest_mail("nobody@example.com") is None
