"""What every page must have, checked on each page that a test fetches."""

from bs4 import BeautifulSoup, Tag

HEADERS = ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cache-Control")


def faults_of(soup: BeautifulSoup, headers: dict[str, str]) -> list[str]:
    """One sentence for each thing that a page lacks."""
    faults = [f"no header {name}" for name in HEADERS if name not in headers]
    if not soup.title or not soup.title.get_text(strip=True):
        faults.append("no title")
    if not soup.html or not soup.html.get("lang"):
        faults.append("no language")
    if len(soup.find_all("h1")) != 1:
        faults.append(f"{len(soup.find_all('h1'))} h1")
    if not soup.find("main"):
        faults.append("no main part")
    if soup.iframe and "frame-src" not in headers.get("Content-Security-Policy", ""):
        faults.append("a frame that its policy forbids")
    ids = [str(tag["id"]) for tag in soup.find_all(id=True)]
    faults += [f"id {each} stands twice" for each in set(ids) if ids.count(each) > 1]
    faults += [
        f"field {field.get('name')} has no label"
        for field in soup.find_all(["input", "select", "textarea"])
        if field.get("type") not in ("hidden", "submit")
        and field.get("aria-hidden") != "true"
        and not _has_label(soup, field)
    ]
    faults += [
        f"inline {tag.name}" for tag in soup.find_all(["script", "style"]) if not tag.get("src")
    ]
    faults += [f"style attribute on {tag.name}" for tag in soup.find_all(style=True)]
    return faults


def _has_label(soup: BeautifulSoup, field: Tag) -> bool:
    label = soup.find("label", attrs={"for": str(field.get("id"))}) or field.find_parent("label")
    return bool(label and label.get_text(strip=True)) or bool(field.get("aria-label"))
