"""What every page must have, checked on each page that a test fetches."""

from collections import Counter, defaultdict

from bs4 import BeautifulSoup, Tag

HEADERS = ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cache-Control")


def faults_of(soup: BeautifulSoup, headers: dict[str, str]) -> list[str]:
    """One sentence for each thing that a page lacks."""
    # Read once: to ask the page for each field, and each of its labels, takes longer than to fetch it.
    tags: dict[str, list[Tag]] = defaultdict(list)
    for tag in soup.find_all(True):
        tags[tag.name].append(tag)
    everything = [tag for each in tags.values() for tag in each]
    faults = [f"no header {name}" for name in HEADERS if name not in headers]
    if not tags["title"] or not tags["title"][0].get_text(strip=True):
        faults.append("no title")
    if not tags["html"] or not tags["html"][0].get("lang"):
        faults.append("no language")
    if len(tags["h1"]) != 1:
        faults.append(f"{len(tags['h1'])} h1")
    if not tags["main"]:
        faults.append("no main part")
    if tags["iframe"] and "frame-src" not in headers.get("Content-Security-Policy", ""):
        faults.append("a frame that its policy forbids")
    ids = Counter(str(tag["id"]) for tag in everything if tag.has_attr("id"))
    faults += [f"id {each} stands twice" for each, times in ids.items() if times > 1]
    # Of several labels for one field the first counts.
    labels = {str(tag["for"]): tag for tag in reversed(tags["label"]) if tag.has_attr("for")}
    faults += [
        f"field {field.get('name')} has no label"
        for field in tags["input"] + tags["select"] + tags["textarea"]
        if field.get("type") not in ("hidden", "submit")
        and field.get("aria-hidden") != "true"
        and not _has_label(field, labels)
    ]
    faults += [f"inline {tag.name}" for tag in tags["script"] + tags["style"] if not tag.get("src")]
    faults += [f"style attribute on {tag.name}" for tag in everything if tag.has_attr("style")]
    return faults


def _has_label(field: Tag, labels: dict[str, Tag]) -> bool:
    label = labels.get(str(field.get("id"))) or field.find_parent("label")
    return bool(label and label.get_text(strip=True)) or bool(field.get("aria-label"))
