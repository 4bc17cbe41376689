"""The house stays as it was drawn: who imports whom, which routes there are, what is documented."""

import ast
import re
from pathlib import Path

import pytest

from tests.support.running import RunningSite

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "invite_site"

# What each module may import of ours. `errors` and `settings` are open to all.
EVERYWHERE = {"errors", "settings"}
MAY_IMPORT = {
    "errors": set(),
    "settings": set(),
    "invitee": set(),
    "schema": set(),
    "database": set(),
    "ledger": {"schema", "invitee"},
    "queue": {"schema"},
    "pause": {"schema"},
    "sessions": {"schema"},
    "admins": {"schema"},
    "tenant": {"invitee"},
    "mailer": set(),
    "invitations": {
        "invitee", "ledger", "mailer", "pause", "queue", "schema", "sessions", "tenant",
    },
    "worker": {"invitations", "schema", "sessions"},
    "logs": set(),
    "relying_party": {"sessions"},
    "extensions": {
        "admins", "invitations", "ledger", "pause", "relying_party", "sessions", "tenant",
    },
    "forms": {"invitee"},
    "auth": {"extensions", "invitations", "schema", "sessions"},
    "account": {"auth", "extensions"},
    "landing": {"auth", "extensions", "invitee", "schema"},
    "admin": {"auth", "extensions", "forms", "invitations", "ways"},
    "ways": set(),
    "pages": {"auth", "extensions"},
    "serving": {"database", "extensions", "worker"},
    "tenant_cli": {"extensions", "setup"},
    "cli": {
        "database", "extensions", "invitations", "invitee", "pages", "schema", "serving",
        "tenant_cli", "worker",
    },
}  # fmt: skip
NO_FLASK = {
    "errors", "settings", "invitee", "schema", "database", "ledger", "queue", "pause", "sessions",
    "admins", "tenant", "mailer", "invitations", "worker", "logs", "ways",
}  # fmt: skip

# Every page and door, so that none vanishes or appears unnoticed.
ROUTES = {
    "GET /",
    "GET /login",
    "GET /callback",
    "POST /logout",
    "GET /invite/complete",
    "POST /invite/complete",
    "GET /i/<token>",
    "POST /i/<token>",
    "GET /admin/",
    "GET /admin/invitations",
    "POST /admin/invitations",
    "GET /admin/invitations/new",
    "GET /admin/invitations/<int:invitation_id>",
    "POST /admin/invitations/<int:invitation_id>/resend",
    "POST /admin/invitations/<int:invitation_id>/revoke",
    "GET /static/<path:filename>",
}


def imports_of(path: Path) -> tuple[set[str], set[str]]:
    """Our modules and the foreign packages that a module imports, wherever in it."""
    ours: set[str] = set()
    foreign: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            separator = "" if module.endswith(".") else "."
            names = [f"{module}{separator}{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            name = (
                re.sub(r"^(invite_site)?\.", "", name)
                if re.match(r"^(\.|invite_site\.)", name)
                else f"/{name}"
            )
            (foreign if name.startswith("/") else ours).add(name.strip("/").split(".")[0])
    return ours, foreign


def test_it_works() -> None:
    """Every module of the site is in the table."""
    apart = {"__init__", "demo"}
    assert {path.stem for path in PACKAGE.glob("*.py")} - apart == set(MAY_IMPORT)


@pytest.mark.parametrize("name", sorted(MAY_IMPORT))
def test_a_module_imports_only_what_the_table_allows(name: str) -> None:
    """Flask stops at the door of the domain, and nobody looks into the local tenant."""
    ours, foreign = imports_of(PACKAGE / f"{name}.py")
    assert ours <= MAY_IMPORT[name] | EVERYWHERE
    if name in NO_FLASK:
        assert "flask" not in foreign


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "local_tenant").rglob("*.py")), ids=lambda path: path.name
)
def test_the_local_tenant_never_looks_out_of_its_window(path: Path) -> None:
    """It imports itself and third-party packages."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level <= 1
            assert not (node.module or "").startswith("invite_site")
        elif isinstance(node, ast.Import):
            assert not any(alias.name.startswith("invite_site") for alias in node.names)


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "setup").glob("*.py")), ids=lambda path: path.name
)
def test_the_setup_of_a_tenant_knows_little_of_the_site(path: Path) -> None:
    """It reads the settings and speaks HTTP; Flask and the ledger are not its business."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 2:
            assert node.module in {"errors", "settings", "tenant"}
        elif isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in {"flask", "invite_site", "sqlalchemy"}


def test_only_the_demo_opens_the_local_tenants_door() -> None:
    """`demo.py` imports it and nothing else of the site does."""
    importers = {
        path.stem for path in PACKAGE.glob("*.py") if "local_tenant" in imports_of(path)[0]
    }
    assert importers == {"demo"}


def test_the_routes_are_the_ones_on_the_list(site: RunningSite) -> None:
    """A door that opens or closes is a decision, not an accident."""
    found = {
        f"{method} {re.sub(r'<int[^:]*:', '<int:', rule.rule)}"
        for rule in site.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert found == ROUTES


def test_every_setting_is_explained_in_the_example() -> None:
    """`.env.example` names exactly the variables that the settings read."""
    source = (PACKAGE / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'(?:read|choice)\(\s*"([A-Z0-9_]+)"', source))
    # What sets a tenant up is no business of the running site, so its settings do not have it.
    command = (PACKAGE / "tenant_cli.py").read_text(encoding="utf-8")
    read |= set(re.findall(r'envvar="([A-Z0-9_]+)"', command))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    explained = set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE))
    assert explained == read


def test_no_file_names_a_package_index() -> None:
    """The locks hold hashes and no addresses."""
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        assert "://" not in text
        assert "index-url" not in text
