"""New Universal Login's words for an invitation."""

from collections.abc import Iterator, Mapping
from typing import Any

from ....settings import ReturnTo
from ..changes import Change, replaced
from ..files import PROMPT
from ..findings import Finding, note, ok
from ..requirement import Context

Screens = Mapping[str, Mapping[str, str]]


def texts(context: Context) -> Finding:
    """The screens have our words."""
    if context.settings.invite_return != ReturnTo.LOGIN_ROUTE:
        return ok("Not used: people come back by the Classic password page.")
    languages = context.desired.texts
    missing = [
        language
        for language, ours in languages.items()
        if _lines(_present(context, language), ours)
    ]
    if missing:
        return note(
            f"The screens speak of a reset to people who are invited ({', '.join(missing)}).",
            "Run `flask tenant apply`, or change them under Branding → Universal Login → "
            "Advanced Options → Custom Text → reset-password.",
        )
    return ok(f"The screens have our words in {', '.join(languages)}.")


def changes(context: Context) -> Iterator[Change]:
    """Put our words among those of others, which a PUT would drop."""
    if context.settings.invite_return != ReturnTo.LOGIN_ROUTE:
        return
    for language, ours in context.desired.texts.items():
        present = _present(context, language)
        lines = tuple(_lines(present, ours))
        merged = {**present, **{at: {**present.get(at, {}), **ours[at]} for at in ours}}
        if lines:
            what, path = f"Texts in {language}", _path(language)
            yield Change(what, lines, "PUT", path, merged, "update:prompts")


def _lines(present: Screens, ours: Screens) -> list[str]:
    """The difference that people see."""
    lines: list[str] = []
    for screen, words in ours.items():
        for key, text in words.items():
            earlier = present.get(screen, {}).get(key)
            if earlier != text:
                lines += replaced(f"{screen}.{key}", earlier, text)
    return lines


def _present(context: Context, language: str) -> dict[str, Any]:
    return context.tenant.read(_path(language)) or {}


def _path(language: str) -> str:
    return f"/prompts/{PROMPT}/custom-text/{language}"
