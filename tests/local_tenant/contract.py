"""Which documented fact a test holds the local tenant to; the table in `docs/` comes from here.

`python -m tests.local_tenant.contract` writes the tables of `docs/local-tenant-tests.md` anew.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from invite_site.local_tenant.simulation.switches import SWITCHES

Test = TypeVar("Test", bound=Callable[..., None])

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "local-tenant-tests.md"

SECTIONS = {
    "0": "What to know first",
    "1": "Management API: tokens, scopes, errors",
    "2": "Users and roles",
    "3": "Password change tickets",
    "4": "What `result_url` receives, and where people land",
    "5": "Mail that the tenant sends",
    "6": "Pages and their texts",
    "7": "OpenID Connect",
    "8": "Rate limits",
    "9": "Logs",
}
# Not built, on purpose: a program that needs one of these gets a 404 that names the path.
OUT_OF_SCOPE = {
    "§1.6": "several custom domains, and the header `auth0-custom-domain`",
    "§2.1": "verification tickets, the templates of the verification mail, and the welcome mail",
    "§3.1": "Organizations: `organization_id` on tickets, members, invitations",
    "§6.2": "Actions (also post-challenge), partials, page templates, ACUL",
    "§7.3": "refresh tokens, and every other grant; consent",
    "§7.6": "back-channel logout",
    "§8": "bulk imports and the other jobs",
    "§9": "log streams",
}


def contract(section: str, fact: str) -> Callable[[Test], Test]:
    """Mark a test: the section of the contract, and the fact in one line.

    The marks are read out of the source, so this changes nothing about the test.
    """

    def mark(test: Test) -> Test:
        return test

    return mark


def marks() -> Iterator[tuple[str, str, str]]:
    """Section, fact and test of each mark."""
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and getattr(mark.func, "id", "") == "contract":
                    section, fact = (ast.literal_eval(each) for each in mark.args)
                    yield f"§{section.removeprefix('§')}", fact, f"{path.stem}.{node.name}"


def covered_table() -> str:
    """Every fact with what became of it: a test, a switch, or left out."""
    rows: dict[str, list[tuple[tuple[int, ...], int, str]]] = defaultdict(list)

    def add(section: str, order: int, fact: str, how: str) -> None:
        place = tuple(int(part) for part in re.findall(r"\d+", section))
        rows[str(place[0])].append((place, order, f"| {section} | {fact} | {how} |"))

    for section, fact, test in marks():
        add(section, 0, fact, f"covered: `{test}`")
    for name, switch in SWITCHES.items():
        add(switch.section, 1, f"Not established: {switch.question}", f"switch: `{name}`")
    for section, what in OUT_OF_SCOPE.items():
        add(section, 2, what, "out of scope")
    parts = []
    for number, title in SECTIONS.items():
        lines = [line for _, _, line in sorted(rows.pop(number, []))]
        parts.append("\n".join([f"### {number}. {title}", "", _HEAD, *lines]))
    if rows:
        raise ValueError(f"sections nobody has heard of: {', '.join(sorted(rows))}")
    return "\n\n".join(parts)


_HEAD = "| Section | Fact | State |\n|---|---|---|"


def switch_table() -> str:
    """Every switch with its question and values."""
    lines = [
        f"| `{name}` | {switch.section} | {switch.question} | {_values(switch.values)} |"
        for name, switch in SWITCHES.items()
    ]
    head = "| Switch | Section | What is not established | Values, the default first |"
    return "\n".join([head, "|---|---|---|---|", *lines])


def _values(values: tuple[Any, ...]) -> str:
    shown = (str(each).lower() if isinstance(each, bool) else str(each) for each in values)
    return ", ".join(f"`{each}`" for each in shown)


TABLES = {"contract": covered_table, "switches": switch_table}


def with_tables(page: str) -> str:
    """The page with each table between its two marks written anew."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}: generated -->", f"<!-- {name}: end -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n{table()}\n{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
