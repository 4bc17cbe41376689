"""MAIL_TEMPLATES: templates of the deployment in place of ours, checked at the start."""

import os
import re
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from invite_site.errors import ConfigError
from invite_site.mail.message import Mailer, Recipient, Words, part_of
from invite_site.mail.templates import OURS
from invite_site.settings import ROOT
from tests.support.running import Tenant, settings_for
from tests.support.smtp_script import SmtpScript
from tests.support.users import ordinary_user

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
URL = "https://localhost/lo/reset?ticket=T#type=invite&app=A"


def written(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """A folder with these templates."""
    for name, content in files.items():
        file = folder / "mail" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / "mail"


def problems(tenant: Tenant, tmp_path: Path, files: Mapping[str, str | bytes]) -> list[str]:
    settings = settings_for(tenant, tmp_path, MAIL_TEMPLATES=str(written(tmp_path, files)))
    with pytest.raises(ConfigError) as refused:
        Mailer(settings)
    return refused.value.problems


def test_it_works(tenant: Tenant, tmp_path: Path, mail_server: SmtpScript) -> None:
    """What is there takes the place of ours, which can be used in it; the rest stays. Names are written
    as text, and what is changed later does not count."""
    folder = written(
        tmp_path,
        {
            "invitation/subject.txt": "Welcome to\n{{ app_name }}!",
            "invitation/body.html": (
                '{% extends "layout.html" %}{% block content %}'
                '<p>{{ name }}, <a href="{{ url }}">begin</a></p>{% endblock %}'
            ),
        },
    )
    settings = settings_for(
        tenant, tmp_path, SMTP_URL=mail_server.url, APP_NAME="Acme", MAIL_TEMPLATES=str(folder)
    )
    mailer = Mailer(settings)
    (folder / "invitation/subject.txt").write_text("{{ broken")
    mailer.send_invitation(
        Recipient("ada@example.com", "ada@example.com", "<b>Ada"),
        Words(
            url=URL,
            renew_url="https://localhost/invite/renew?i=ref",
            inviter="Grace",
            expires_at=NOW + timedelta(days=5),
            message_id="<ref.1@localhost>",
            now=NOW,
        ),
    )
    message = mail_server.mails[0].message
    assert message["Subject"] == "Welcome to Acme!"
    html = part_of(message, "html")
    assert f'<p>&lt;b&gt;Ada, <a href="{URL.replace("&", "&amp;")}">begin</a></p>' in html
    assert "<style>" in html
    assert "Choose your password here:" in part_of(message, "plain")


def test_our_own_templates_pass_the_same_check(tenant: Tenant, tmp_path: Path) -> None:
    """So a copy of them is a good beginning."""
    Mailer(settings_for(tenant, tmp_path, MAIL_TEMPLATES=str(OURS)))


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        (
            "invitation/body.txt",
            "Hello {{ name }}",
            "invitation/body.txt: {{ url }} is missing, or stands not as a word of its own",
        ),
        ("invitation/body.txt", "Here:{{ url }}.", "invitation/body.txt: {{ url }} is missing"),
        ("sign_in/body.html", "<p>Hello", "sign_in/body.html: {{ url }} is missing"),
        (
            "invitation/body.html",
            "{{ url }}\n{% if name %}\n{{ name }}\n{% fi %}",
            "invitation/body.html, line 4: Encountered unknown tag 'fi'",
        ),
        (
            "invitation/body.html",
            "{{ url }}\n\n{% if not inviter %}{{ nam }}{% endif %}",
            "invitation/body.html, line 3: 'nam' is undefined",
        ),
        (
            "invitation/body.txt",
            "{{ url }}\n{% include 'signature.txt' %}",
            "invitation/body.txt, line 2: there is no template signature.txt",
        ),
        ("invitation/subject.txt", " \n{{ name }} ", "invitation/subject.txt: it is empty"),
        ("invitation/subject.txt", b"Gr\xfc\xdfe", "invitation/subject.txt: it is not UTF-8"),
        (
            "invitation/subject.txt",
            "\n{{ ''.__class__.__mro__[1].__subclasses__() }}",
            "invitation/subject.txt, line 2: access to attribute '__class__'",
        ),
        ("test/subject.txt", "{{ url }}", "test/subject.txt, line 1: 'url' is undefined"),
        ("invitaton/body.txt", "{{ url }}", "mail holds none of invitation/subject.txt"),
    ],
)
def test_what_could_not_be_sent_is_refused_at_the_start(
    tenant: Tenant, tmp_path: Path, name: str, content: str | bytes, problem: str
) -> None:
    """Once, with its file and line."""
    [found] = problems(tenant, tmp_path, {name: content})
    assert problem in found.removeprefix("MAIL_TEMPLATES: ")


@pytest.mark.parametrize(
    "case",
    ["name", "inviter", "contact_email", "note", "works_once", "is_reminder"],
)
@pytest.mark.parametrize("word", ["", "not "])
def test_each_kind_of_mail_is_tried(tenant: Tenant, tmp_path: Path, case: str, word: str) -> None:
    """What goes wrong in some of them alone is found as well."""
    content = f"{{{{ url }}}}\n{{% if {word}{case} %}}{{{{ nam }}}}{{% endif %}}"
    [found] = problems(tenant, tmp_path, {"invitation/body.txt": content})
    assert "line 2: 'nam' is undefined" in found


def test_a_mistake_in_a_file_that_is_included_is_told_with_its_name(
    tenant: Tenant, tmp_path: Path
) -> None:
    """And its own line; one in ours, which theirs has led into, with the name of ours."""
    files = {
        "invitation/body.txt": "{{ url }}\n{% include 'end.txt' %}",
        "end.txt": "\n\n{% if %}",
        "sign_in/body.html": "{{ url }}{% from 'parts.html' import quotation %}{{ quotation(5) }}",
    }
    found = problems(tenant, tmp_path, files)
    assert [each.split(" ")[1:3] for each in found] == [
        ["end.txt,", "line"],
        ["parts.html,", "line"],
    ]
    assert "end.txt, line 3" in found[0]


def test_each_variable_of_the_documentation_can_be_used(tenant: Tenant, tmp_path: Path) -> None:
    """In every mail of an invitation."""
    table = (ROOT / "docs/mail-templates.md").read_text().partition("## Variables")[2]
    rows = [row for row in table.partition("`language`")[0].splitlines() if row.startswith("| `")]
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    content = "{{ url }}\n" + "\n".join(
        f"{{{{ {name} }}}}" for name in [*names, "language", "direction", "start"]
    )
    folder = written(tmp_path, {f"{kind}/body.txt": content for kind in ("invitation", "sign_in")})
    Mailer(settings_for(tenant, tmp_path, MAIL_TEMPLATES=str(folder)))
    assert len(names) > 10


def test_every_problem_is_named_at_once(tenant: Tenant, tmp_path: Path) -> None:
    """So that one start shows all there is to do."""
    files = {"invitation/body.txt": "x", "sign_in/body.txt": "{{ url }}\n{{ who }}{% if %}"}
    found = problems(tenant, tmp_path, files)
    assert [each.split(" ")[1].strip(":,") for each in found] == list(files)


@pytest.mark.parametrize("value", [".", "mail", "/nowhere/mail", __file__])
def test_a_folder_that_is_not_there_is_refused(tenant: Tenant, tmp_path: Path, value: str) -> None:
    """Also one whose place depends on where the site is started."""
    with pytest.raises(ConfigError, match="MAIL_TEMPLATES must be the whole path of a folder"):
        settings_for(tenant, tmp_path, MAIL_TEMPLATES=value)


@pytest.mark.parametrize("inner", ["", "mail"])
def test_a_folder_that_may_not_be_read_is_refused(tenant: Tenant, inner: str) -> None:
    """It, or the one that it lies in, is another user's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        theirs = Path(folder) / "theirs"
        (theirs / "mail").mkdir(parents=True)
        theirs.chmod(0 if os.geteuid() else 0o700)
        with ordinary_user(), pytest.raises(ConfigError, match=r"MAIL_TEMPLATES .* folder that"):
            settings_for(tenant, Path(folder), MAIL_TEMPLATES=str(theirs / inner))
        theirs.chmod(0o700)
