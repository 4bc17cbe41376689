"""What is decided elsewhere and must not change unnoticed: routes, settings, locks."""

import ast
import re
from collections import Counter
from pathlib import Path

from tests.support.running import RunningSite

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "invite_site"

# Every route, so that none is added or removed unnoticed.
ROUTES = {
    "GET /",
    "GET /login",
    "GET /callback",
    "POST /logout",
    "GET /invite/complete",
    "POST /invite/complete",
    "GET /invite/renew",
    "POST /invite/renew",
    "GET /invite/sign-in",
    "GET /i/<token>",
    "POST /i/<token>",
    "GET /admin/",
    "GET /admin/invitations",
    "POST /admin/invitations",
    "POST /admin/invitations/preview",
    "GET /admin/invitations/preview/mail",
    "POST /admin/invitations/test",
    "GET /admin/invitations/new",
    "GET /admin/kept-form",
    "GET /admin/invitations/export.csv",
    "GET /admin/invitations/events.csv",
    "GET /admin/jobs/new",
    "POST /admin/jobs",
    "GET /admin/jobs/<int:job_id>",
    "GET /admin/jobs/<int:job_id>/progress",
    "POST /admin/jobs/<int:job_id>/stop",
    "GET /admin/invitations/<int:invitation_id>",
    "GET /admin/invitations/<int:invitation_id>/address",
    "POST /admin/invitations/<int:invitation_id>/address",
    "POST /admin/invitations/<int:invitation_id>/ask",
    "POST /admin/invitations/<int:invitation_id>/extend",
    "POST /admin/invitations/<int:invitation_id>/readdress",
    "POST /admin/invitations/<int:invitation_id>/resend",
    "GET /admin/invitations/<int:invitation_id>/revoke",
    "POST /admin/invitations/<int:invitation_id>/revoke",
    "GET /admin/batches",
    "POST /admin/batches",
    "GET /admin/batches/new",
    "GET /admin/batches/template.csv",
    "GET /admin/batches/<int:batch_id>",
    "GET /admin/batches/<int:batch_id>/progress",
    "GET /admin/batches/<int:batch_id>/results.csv",
    "POST /admin/batches/<int:batch_id>/start",
    "POST /admin/batches/<int:batch_id>/pause",
    "POST /admin/batches/<int:batch_id>/resume",
    "POST /admin/batches/<int:batch_id>/cancel",
    "POST /admin/batches/<int:batch_id>/resend",
    "POST /admin/batches/<int:batch_id>/rows/<int:batch_row_id>",
    "POST /admin/batches/<int:batch_id>/rows/<int:batch_row_id>/leave-out",
    "GET /admin/admins",
    "POST /admin/admins",
    "GET /admin/admins/revoke",
    "POST /admin/admins/revoke",
    "GET /admin/admins/revoke-invitations",
    "POST /admin/admins/revoke-invitations",
    "POST /admin/admins/awaited/<int:invitation_id>/withdraw",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /static/<path:filename>",
}


def test_the_routes_are_the_ones_on_the_list(site: RunningSite) -> None:
    """A route is added or removed on purpose."""
    found = {
        f"{method} {re.sub(r'<int[^:]*:', '<int:', rule.rule)}"
        for rule in site.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert found == ROUTES


def test_every_setting_is_explained_in_the_example() -> None:
    """`.env.example` names exactly the variables that the settings read."""
    source = (PACKAGE / "settings" / "__init__.py").read_text(encoding="utf-8")
    read = set(re.findall(r'(?:read|checked|choice)\(\s*"([A-Z0-9_]+)"', source))
    # What sets a tenant up is no business of the running site, so its settings do not have it.
    command = (PACKAGE / "cli" / "tenant.py").read_text(encoding="utf-8")
    read |= set(re.findall(r'envvar="([A-Z0-9_]+)"', command))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    explained = re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE)
    assert sorted(explained) == sorted(read)  # each once


def test_no_part_of_the_site_outgrows_its_reader() -> None:
    """At most 16 modules a folder but that of migrations, 350 lines a module, 200 lines a class."""
    too_large = []
    for module in PACKAGE.rglob("*.py"):
        source = module.read_text(encoding="utf-8")
        name = module.relative_to(PACKAGE)
        too_large += [str(name)] * (source.count("\n") > 350)
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef) and (node.end_lineno or 0) - node.lineno >= 200:
                too_large.append(f"{name}: {node.name}")
    folders = Counter(module.parent for module in PACKAGE.rglob("*.py"))
    del folders[PACKAGE / "migrations" / "versions"]  # each is read alone
    too_large += [str(folder) for folder, modules in folders.items() if modules > 16]
    assert too_large == []


def test_the_architecture_page_names_files_that_exist() -> None:
    """`docs/architecture.md` follows what is moved and renamed."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    files = [
        f"/{each.relative_to(ROOT).as_posix()}"
        for each in (ROOT / "app.py", *PACKAGE.rglob("*.py"))
    ]
    named = set(re.findall(r"[a-z_]+(?:/[a-z_]+)*\.py", page))
    assert len(named) > 40
    assert {name for name in named if not any(f.endswith(f"/{name}") for f in files)} == set()


def test_no_file_names_a_package_index() -> None:
    """The locks hold hashes and no addresses."""
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        assert "://" not in text
        assert "index-url" not in text


def test_the_asks_name_tests_that_exist() -> None:
    """`docs/invitation-asks.md` has twenty-five rows, each with a test that holds it."""
    page = (ROOT / "docs" / "invitation-asks.md").read_text(encoding="utf-8")
    assert len(re.findall(r"^\| \d+ \|.*`tests/[^`]+` \|$", page, re.MULTILINE)) == 25
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    sources = {path: (ROOT / path).read_text(encoding="utf-8") for path, _ in named}
    assert [name for path, name in named if f"def {name}(" not in sources[path]] == []
