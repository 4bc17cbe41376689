"""The page about the local tenant says what is so: its tables, and the control plane's calls."""

import re
from pathlib import Path

from invite_site.local_tenant import TenantConfig, create_tenant
from invite_site.local_tenant.simulation.faults import HTTP_KINDS, SMTP_KINDS, SMTP_MOMENTS
from invite_site.local_tenant.simulation.rate_limits import PLANS
from invite_site.local_tenant.store.clients import MANAGEMENT_SCOPES

from .contract import OUT_OF_SCOPE, PAGE, SECTIONS, marks, with_tables


def test_it_works() -> None:
    """`python -m tests.local_tenant.contract` has been run since the last change."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_tables(page), "run: python -m tests.local_tenant.contract"


def test_every_section_has_facts() -> None:
    """And no fact is said twice."""
    facts = [(section, fact) for section, fact, _ in marks()]
    assert {section.strip("§").partition(".")[0] for section, _ in facts} == set(SECTIONS)
    assert len(facts) == len(set(facts))
    assert not {fact for _, fact in facts} & set(OUT_OF_SCOPE.values())


# A part of a path that names one thing, as Flask and as the page write it.
_PART = re.compile(r"<(?:path:)?(\w+)>")


def routes(tmp_path: Path, start: str) -> set[str]:
    app = create_tenant(TenantConfig(database=tmp_path / "tenant.db", control=True))
    found = {
        method + " " + _PART.sub(r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith(start)
    }
    app.extensions["local_tenant"].close()
    return found


def test_every_call_is_on_the_page(tmp_path: Path) -> None:
    """Of the Management API on the tenant's page, of the control plane on the other; and no other one."""
    page = PAGE.with_name("local-tenant.md").read_text(encoding="utf-8") + PAGE.read_text("utf-8")
    listed = {
        f"{method} {path}"
        for methods, path in re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE)[A-Z, ]*) (/[^`]*)`", page)
        for method in methods.split(", ")
    }
    built = routes(tmp_path, "/_tenant/") | routes(tmp_path, "/api/v2/")
    built = {each for each in built if "/_tenant/dashboard" not in each}  # pages, for people
    assert {each for each in listed if "/_tenant/" in each or "/api/v2/" in each} == built


def test_every_word_of_the_control_plane_is_on_the_page() -> None:
    """Faults, plans."""
    page = PAGE.read_text(encoding="utf-8")
    for word in {*HTTP_KINDS, *SMTP_KINDS, *SMTP_MOMENTS, *PLANS}:
        assert f"`{word}`" in page, word


def test_every_scope_that_can_be_granted_opens_something() -> None:
    """A scope without a call would be a promise nobody keeps."""
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in (PAGE.parent.parent / "invite_site" / "local_tenant" / "management").glob(
            "*.py"
        )
    )
    named = set(re.findall(r'"((?:create|read|update|delete):[a-z_]+)"', source))
    assert named == MANAGEMENT_SCOPES
