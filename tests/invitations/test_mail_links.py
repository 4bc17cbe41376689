"""The links of a mail are fetched by scanners before anybody reads it: nothing may come of that."""

from dataclasses import replace
from pathlib import Path

import pytest
import requests
from bs4 import BeautifulSoup
from sqlalchemy import func, select

from invite_site.accounts.tables import LoginTransaction
from invite_site.invitations.people import Inviter
from tests.support.at_tenant import at_tenant
from tests.support.person import Person
from tests.support.running import (
    RunningSite,
    Tenant,
    logs_in,
    running_site,
    sets_password,
    settings_for,
)

ADA = "ada@example.com"


def links_of(mail: dict[str, str]) -> list[str]:
    """Every web address of both parts, the invitation's first."""
    html = BeautifulSoup(mail["HTML"], "html.parser")
    found = [str(anchor["href"]) for anchor in html.find_all("a")]
    found += [word for word in mail["Text"].split() if "://" in word]
    return [each for each in dict.fromkeys(found) if each.startswith("http")]


@pytest.mark.parametrize(
    ("delivery", "link"),
    [("ticket", "ticket"), ("ticket", "landing"), ("tenant_email", "ticket")],
)
def test_it_works(tenant: Tenant, tmp_path: Path, person: Person, delivery: str, link: str) -> None:
    """HEAD and GET, three times each: no login begins, and the invitation works as before."""
    settings = settings_for(tenant, tmp_path, INVITE_DELIVERY=delivery, INVITE_LINK=link)
    with running_site(settings) as site:
        owner = at_tenant(tenant, tmp_path)
        owner.settings = replace(settings, site_url=site.url)
        owner.apply()
        owner.stores_page("", enabled=False)  # Auth0's own page, which works without script
        site.invites_and_delivers(ADA, "Ada")
        links = links_of(tenant.mails(ADA)[0])
        assert f"{site.url}/" in links
        for _ in range(3):
            for each in links:
                for method in ("HEAD", "GET"):
                    answer = requests.request(method, each, timeout=10)
                    assert answer.status_code == 200, each
        assert tenant.calls("GET /authorize") == 0
        with site.services.engine.connect() as db:
            assert db.scalar(select(func.count()).select_from(LoginTransaction)) == 0

        if link == "landing":
            person.opens(links[0]).presses("Choose your password")
            links[0] = person.url
        logs_in(sets_password(person, links[0]), ADA, "Correct-Horse-9")
        assert site.status(ADA) == "accepted"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("Grace Hopper", "Grace Hopper invites you"),
        ("grace@example.com", "grace invites you"),  # Auth0's name for those who have none
        ("Claim at https://evil.example/x", "Claim at https evil.\u2060example x invites you"),
        ("@", "You are invited"),
    ],
)
def test_the_inviters_name_is_no_link_whatever_the_tenant_calls_them(
    site: RunningSite, tenant: Tenant, told: str, said: str
) -> None:
    """Invitees hear what is safe of it; the record has it whole."""
    row = site.services.invitations.invite(ADA, inviter=Inviter(told, "auth0|grace"))
    site.delivers()
    [mail] = tenant.mails(ADA)
    assert mail["Subject"].startswith(said)
    for text in (mail["Text"], BeautifulSoup(mail["HTML"], "html.parser").get_text()):
        assert said in " ".join(text.split())
    assert site.row(row.id).inviter == told
