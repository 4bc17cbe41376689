"""The demo and `make run` as real processes: started, used, killed, started again."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import requests
from bs4 import BeautifulSoup
from dotenv import dotenv_values

from invite_site.database.address import read_address
from invite_site.demo.instance import DemoRuns, Instance
from tests.support import forked
from tests.support.demo import Demo, free_ports, running_demo
from tests.support.forked import ROOT
from tests.support.person import Person
from tests.support.running import (
    ADMIN,
    ADMIN_PASSWORD,
    PASSWORD,
    RunningSite,
    Tenant,
    accepts,
    logs_in,
    sets_password,
    wait_until,
)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """One of its own, for what ends it."""
    with running_demo(tmp_path) as demo:
        yield demo


@pytest.fixture(scope="module")
def lasting_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One for all that leave it running."""
    with running_demo(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


def signs_in_as_admin(admin: Person, url: str) -> Person:
    admin.opens(f"{url}/admin/")
    return logs_in(admin, ADMIN, ADMIN_PASSWORD)


def invites(admin: Person, url: str, address: str) -> None:
    admin.opens(f"{url}/admin/invitations/new").types(Email_address=address)
    admin.presses("Send invitation")
    assert admin.heading == address


def test_it_works(demo: Demo, admin: Person, person: Person) -> None:
    """It says where to go, the whole way works, and Ctrl-C ends it."""
    assert f"Ready: {demo.url}\n" in demo.said
    assert len(demo.said.strip().splitlines()) == 5
    for wanted in (ADMIN, ADMIN_PASSWORD, f"{demo.url}/admin/invitations/new", "/mailbox"):
        assert wanted in demo.said
    signs_in_as_admin(admin, demo.url)
    invites(admin, demo.url, "ada@example.com")
    wait_until(lambda: bool(demo.tenant.mails("ada@example.com")), "the mail came")
    accepts(person, demo.tenant.link_to("ada@example.com"))
    assert person.heading.startswith("Welcome")
    assert "Accepted" in admin.opens(admin.url).text
    assert demo.end(signal.SIGINT) == 0


def invites_and_follows(owner: Person, demo: Demo, address: str) -> str:
    """Invite, and return the first link of the mail that comes."""
    invites(owner, demo.url, address)
    wait_until(lambda: bool(demo.tenant.mails(address)), "the mail came")
    mail = demo.tenant.mails(address)[0]
    found = BeautifulSoup(mail["HTML"], "html.parser").select_one('a[href^="http"]')
    assert found
    return str(found["href"])


def test_a_kill_while_the_story_is_told_leaves_a_demo_that_starts(tmp_path: Path) -> None:
    """The next start tells it from the beginning: people in every status that lasts. What the variables
    say counts from then on, and nobody can reset a demo that runs."""
    demo = Demo(tmp_path / "instance")
    process = demo.begin(DEMO_EMPTY="")
    wait_until(lambda: (demo.folder / "site.db").exists(), "the story began", seconds=60)
    wait_until(lambda: requests_served(demo) or not process.is_running, "people came", seconds=60)
    assert (demo.folder / "story-unfinished").exists()
    demo.end(signal.SIGKILL)
    demo.start(DEMO_EMPTY="", INVITE_LINK="landing")
    try:
        with Person() as owner:
            signs_in_as_admin(owner, demo.url)
            rows = [row.get_text(" ", strip=True) for row in owner.soup.select("tbody tr")]
            assert len(rows) == 12
            statuses = {row.get_text(strip=True) for row in owner.soup.select("tbody .status")}
            wanted = "Accepted Expired Failed Password set Queued Revoked Sent"
            assert " ".join(sorted(statuses)) == wanted
            assert dotenv_values(demo.folder / "demo.env")["INVITE_LINK"] == "landing"
            assert "0 new" in owner.opens(demo.tenant.mailbox_url).text
        with pytest.raises(DemoRuns, match="Stop it with Ctrl-C first"):
            Instance(demo.folder).forget()
        demo.end(signal.SIGINT)
        reset = subprocess.run(
            [sys.executable, str(ROOT / "app.py"), "reset"],
            env=demo.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert reset.stdout == f"Forgotten: {demo.folder}/\n"
        assert not demo.folder.exists()
    finally:
        if demo.process:
            demo.end(signal.SIGKILL)


def test_a_reset_without_the_packages_deletes_nothing(tmp_path: Path) -> None:
    """Where they are missing, as after `rm -r .venv`, nothing tells what is of a demo: the folder may hold
    the database of `make run`, or be another one named by mistake."""
    (tmp_path / "site.db").touch()
    make = ["make", "demo-reset", "PY=false", f"VENV={tmp_path / 'none'}"]
    reset = subprocess.run(
        make, cwd=ROOT, env={**os.environ, "INSTANCE_DIR": str(tmp_path)}, capture_output=True
    )
    assert reset.returncode != 0
    assert (tmp_path / "site.db").exists()


def requests_served(demo: Demo) -> bool:
    """Whether a mail of the story has come."""
    try:
        box = requests.get(f"{demo.tenant.mailbox_url}/api/v1/messages", timeout=5)
    except requests.ConnectionError:
        return False
    return bool(box.json()["total"] > 1)


def test_the_owner_and_an_invitee_are_two_people_in_one_browser(
    lasting_demo: Demo, person: Person
) -> None:
    """Each host name has its own sessions, at the site and at the tenant."""
    signs_in_as_admin(person, lasting_demo.url)
    link = invites_and_follows(person, lasting_demo, "side@example.com")
    sets_password(person, link.replace("localhost", "127.0.0.1"))
    assert person.url.startswith(lasting_demo.tenant.url.replace("localhost", "127.0.0.1"))
    person.types(Password=PASSWORD).presses("Continue")
    assert person.url == f"{lasting_demo.invitee_url}/"
    assert person.heading.startswith("Welcome")
    person.opens(f"{lasting_demo.url}/admin/invitations")
    assert person.heading == "Invitations"
    assert "Side has accepted." in person.soup.get_text()


def test_a_real_site_has_no_guide(site: RunningSite, tenant: Tenant, person: Person) -> None:
    """Neither the site nor the tenant alone has the bar, or its style."""
    for url in (site.url, tenant.url):
        assert person.opens(url).soup.select_one(".demo-guide") is None
        assert requests.get(f"{url}/_demo/guide.css", timeout=10).status_code == 404


def test_its_settings_are_in_a_file_of_its_owner(lasting_demo: Demo) -> None:
    """Every setting a deployment would have, readable by nobody else."""
    file = lasting_demo.folder / "demo.env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    settings = dotenv_values(file)
    assert settings["AUTH0_DOMAIN"] == lasting_demo.tenant.url
    for name in (
        "SECRET_KEY",
        "SITE_URL",
        "APP_NAME",
        "AUTH0_CLIENT_ID",
        "AUTH0_CLIENT_SECRET",
        "AUTH0_MANAGEMENT_CLIENT_ID",
        "AUTH0_MANAGEMENT_CLIENT_SECRET",
        "AUTH0_CONNECTION",
        "DATABASE_URL",
        "SMTP_URL",
        "MAIL_FROM",
    ):
        assert settings[name], name


def test_it_runs_in_a_folder_of_any_name(tmp_path: Path) -> None:
    """What means something else in an address of a database, or ends a text in `demo.env`."""
    folder = tmp_path / "Zoë's 100%20 demos?"
    folder.mkdir()
    with running_demo(folder) as demo:
        assert (demo.folder / "site.db").exists()
        written = dotenv_values(demo.folder / "demo.env")["DATABASE_URL"] or ""
        assert read_address(written).database == str(demo.folder / "site.db")


@pytest.mark.parametrize(
    "fault",
    [
        None,
        ("SMTP", {"kind": "slow", "seconds": 4, "at": "data"}),
    ],
    ids=["at once", "mail"],  # test_worker.py has the other steps
)
def test_killed_after_send_invitation_it_goes_on_where_it_was(
    demo: Demo, admin: Person, person: Person, fault: tuple[str, dict[str, object]] | None
) -> None:
    """The answer to *Send invitation* is a promise: after the restart the mail goes out within ten
    seconds, there is at most one too many, and everybody is still signed in."""
    signs_in_as_admin(admin, demo.url)
    if fault:
        demo.tenant.fails(fault[0], times=1, **fault[1])
    invites(admin, demo.url, "ada@example.com")
    if fault:
        wait_until(lambda: "Sending" in admin.opens(admin.url).text, "the worker began")
    demo.end(signal.SIGKILL)
    demo.start()
    wait_until(
        lambda: (
            "Handed to the mail server" in admin.opens(admin.url).text
            and "Sent" in admin.text_of(".status")
        ),
        "the invitation was sent",
        seconds=10,
    )
    assert 1 <= len(demo.tenant.mails("ada@example.com")) <= 2
    accepts(person, demo.tenant.link_to("ada@example.com"))
    assert person.heading.startswith("Welcome")


def test_a_busy_port_is_one_sentence_naming_the_variable(lasting_demo: Demo) -> None:
    """For each of the three."""
    for name in ("SITE_PORT", "TENANT_PORT", "SMTP_PORT"):
        ports = dict(zip(("SITE_PORT", "TENANT_PORT", "SMTP_PORT"), free_ports(3), strict=True))
        environment = {
            **lasting_demo.environment,
            **{key: str(port) for key, port in ports.items()},
            name: lasting_demo.environment[name],
            "INSTANCE_DIR": str(lasting_demo.folder.parent / "second"),
        }
        result = forked.run(forked.demo, environment)
        assert result.returncode == 1
        assert result.stderr.count("\n") == 1
        assert lasting_demo.environment[name] in result.stderr
        assert f"{name}=" in result.stderr


def test_a_word_that_it_does_not_know_starts_nothing(tmp_path: Path) -> None:
    """Such as `--help`, or a mistyped `reset`: the usage, and status 2."""
    demo = Demo(tmp_path / "instance")
    for words in (["--help"], ["rest"], ["reset", "all"]):
        # At port 0, or it would run until it is stopped.
        done = forked.run(partial(forked.demo, *words), demo.environment | {"SITE_PORT": "0"})
        assert (done.returncode, done.stderr) == (2, "Usage: python app.py [reset]\n"), words
    assert not demo.folder.exists()


def test_two_ports_that_are_one_are_told(tmp_path: Path) -> None:
    """Whoever finds 3000 taken chooses 3001, which is the tenant's: no other program listens there."""
    demo = Demo(tmp_path / "instance")
    port = demo.environment["TENANT_PORT"]
    result = forked.run(forked.demo, {**demo.environment, "SITE_PORT": port})
    assert result.returncode == 1
    assert f"SITE_PORT {port}, TENANT_PORT {port}" in result.stderr
    assert "another program" not in result.stderr


def test_another_process_of_the_site_works_from_the_file_alone(
    lasting_demo: Demo, tmp_path: Path, admin: Person, person: Person
) -> None:
    """`make run` on another port and with a database of its own passes the same journey."""
    [port] = free_ports(1)
    url = f"http://localhost:{port}"
    file = {k: v or "" for k, v in dotenv_values(lasting_demo.folder / "demo.env").items()}
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        **file,
        "SITE_PORT": str(port),
        "SITE_URL": url,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'other.db'}",
    }
    said = tmp_path / "said.txt"
    process = forked.Forked(forked.Flask("serve"), environment, out=str(said))
    try:
        wait_until(lambda: said.exists() and said.read_text() == f"Ready: {url}\n", "it was ready")
        granted = forked.flask("admin", "grant", ADMIN, environment=environment)
        assert "may invite" in granted.stdout
        signs_in_as_admin(admin, url)
        invites(admin, url, "o'brien+run@example.com")
        wait_until(
            lambda: bool(lasting_demo.tenant.mails("o'brien+run@example.com")), "the mail came"
        )
        sets_password(person, lasting_demo.tenant.link_to("o'brien+run@example.com"))
        assert person.sees_in("Email address") == "o'brien+run@example.com"
        person.types(Password=PASSWORD).presses("Continue")
        assert person.url == f"{url}/"
        assert "Accepted" in admin.opens(admin.url).text
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()


def test_a_strangers_quickstart_signs_in_with_the_file_alone(
    lasting_demo: Demo, tmp_path: Path, person: Person
) -> None:
    """From another folder, knowing nothing but the variables; it signs out as well."""
    [port] = free_ports(1)
    url = f"http://localhost:{port}"
    script = tmp_path / "elsewhere" / "quickstart.py"
    script.parent.mkdir()
    script.write_text((ROOT / "bench" / "quickstart.py").read_text(encoding="utf-8"))
    file = {k: v or "" for k, v in dotenv_values(lasting_demo.folder / "demo.env").items()}
    process = subprocess.Popen(
        [sys.executable, script.name, str(port)],
        env={"PATH": os.environ["PATH"], **file},
        cwd=script.parent,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        assert process.stdout.readline() == "Ready\n"
        wait_until(lambda: answers(url), "the quickstart answers")
        person.opens(f"{url}/login")
        logs_in(person, ADMIN, ADMIN_PASSWORD)
        assert person.url == f"{url}/"
        user = person.response.json()["user"]
        assert user["email"] == ADMIN
        assert user["iss"] == f"{lasting_demo.tenant.url}/"
        assert person.opens(f"{url}/logout").response.json() == {"user": None}
        person.opens(f"{url}/login")
        assert person.url.startswith(lasting_demo.tenant.url)
    finally:
        process.kill()
        process.wait(timeout=10)
        process.stdout.close()


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


def test_a_scenario_chosen_during_an_outage_is_refused_with_a_sentence(
    lasting_demo: Demo, person: Person
) -> None:
    """The tenant's own mail needs a template at the tenant, which is away for a minute: invitations go on
    as before, also after the next start."""
    file = lasting_demo.folder / "demo.env"
    before = dotenv_values(file)
    person.opens(lasting_demo.dashboard)
    try:
        person.presses("Tenant away for a minute")
        method, action, filled = person.form("Choose scenario")
        assert method == "POST"
        chosen = filled | {"scenario": "tenant_email"}
        person.shows(person.browser.post(action, data=chosen, timeout=30))
        assert "Nothing changed: The tenant does not answer." in person.text
        checked = person.soup.select_one("input[name=scenario][checked]")
        assert checked
        assert checked["value"] == "classic"
        assert dotenv_values(file) == before
    finally:
        person.opens(lasting_demo.dashboard).presses("End all of it")


def test_nothing_listens_beyond_this_machine(lasting_demo: Demo) -> None:
    """The local tenant and the site answer on loopback only."""
    port = lasting_demo.url.rsplit(":", 1)[1]
    listening_on = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    addresses = {
        line.split()[1].split(":")[0]
        for line in listening_on
        if line.split()[3] == "0A" and int(line.split()[1].split(":")[1], 16) == int(port)
    }
    assert addresses == {"0100007F"}
    assert requests.get(lasting_demo.url, timeout=5).ok
