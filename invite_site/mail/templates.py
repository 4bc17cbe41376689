"""The templates of our mails: those of the project, or of MAIL_TEMPLATES in their place.

docs/mail-templates.md has their variables.
"""

import enum
import functools
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import unescape
from itertools import product
from pathlib import Path

from babel.support import NullTranslations
from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    select_autoescape,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ..errors import ConfigError
from ..languages import ENGLISH, day, direction_of, moment, translations_of
from ..settings import ROOT
from .wording import ended, quoted

OURS = ROOT / "templates" / "email"
PARTS = ("subject.txt", "body.txt", "body.html")


class MailKind(enum.StrEnum):
    """The folder of templates that a message to an invitee is written from."""

    INVITATION = "invitation"
    SIGN_IN = "sign_in"


TEST = "test"  # the folder of the mail of `flask mail check`

_URL = "https://tenant.example.com/lo/reset?ticket=SAMPLE#type=invite&app=Sample"
_SAMPLE = {
    "url": _URL,
    "renew_url": "https://invite.example.com/invite/renew?i=sample",
    "app_name": "Sample",
    "site_url": "https://invite.example.com",
    "email": "ada@example.com",
    "expires_at": datetime(2026, 3, 6, 12, tzinfo=UTC),
    "expires_in": "5 days",
}
# What is empty or false in some mails and not in others: a template has to suit all of them.
_VARIANTS: Mapping[str, tuple[object, object]] = {
    "name": ("Ada Byron", ""),
    "inviter": ("Grace Hopper", ""),
    "contact_email": ("help@example.com", ""),
    "note": ("Welcome!\n\nSee you on Monday.", ""),
    "works_once": (True, False),
    "is_reminder": (False, True),
}


@functools.cache
def load_templates(folder: Path | None, language: str) -> Environment:
    """The templates, in this language; those in `folder` take the place of ours. What is changed there
    later counts from the next start of the process. Raises ConfigError, which names every problem with
    its file and line."""
    templates = templates_in(language, translations_of(language), folder)
    if folder and language == ENGLISH and (problems := list(_problems_of(templates, folder))):
        raise ConfigError([f"MAIL_TEMPLATES: {each}" for each in problems])
    return templates


def templates_in(
    language: str, translations: NullTranslations, folder: Path | None = None
) -> Environment:
    """The same with these sentences, and not checked."""
    loaders = [FileSystemLoader(each) for each in (folder, OURS) if each]
    # Whoever may write a mail need not be somebody who may run code here.
    templates = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader(loaders),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    templates.policies["ext.i18n.trimmed"] = True
    templates.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]  # of the extension
    direction = direction_of(language)
    # Outlook knows no `start`.
    start = "right" if direction == "rtl" else "left"
    templates.globals.update(language=language, direction=direction, start=start)
    templates.filters.update(
        ended=ended,
        quoted=quoted,
        moment=functools.partial(moment, language=language),
        day=functools.partial(day, language=language),
    )
    return templates


def _problems_of(templates: Environment, folder: Path) -> Iterator[str]:
    """One sentence for each thing that is wrong with the templates of this folder."""
    known = [f"{kind}/{part}" for kind in (*MailKind, TEST) for part in PARTS]
    found = [name for name in known if (folder / name).is_file()]
    if not found:
        yield f"{folder} holds none of {', '.join(known)}."
    for name in found:
        # Most problems are those of several variants.
        yield from dict.fromkeys(_faults_of(templates, name, folder))


def _faults_of(templates: Environment, name: str, folder: Path) -> Iterator[str]:
    for values in product(*_VARIANTS.values()):
        context = _SAMPLE | dict(zip(_VARIANTS, values, strict=True))
        if name.startswith(TEST):
            context = {"app_name": context["app_name"]}
        try:
            text = templates.get_template(name).render(context)
        except TemplateSyntaxError as fault:
            yield f"{fault.name or name}, line {fault.lineno}: {fault.message}"
            return
        except TemplateNotFound as fault:
            yield f"{_place(fault, name, folder)}: there is no template {fault.name}"
        except UnicodeDecodeError:
            yield f"{name}: it is not UTF-8"
            return
        except Exception as fault:  # a template can go wrong in any way
            yield f"{_place(fault, name, folder)}: {fault}"
        else:
            yield from _lacks(name, text)


def _lacks(name: str, text: str) -> Iterator[str]:
    if not text.strip():
        yield f"{name}: it is empty, at least in some mails"
    elif name.startswith(TEST) or name.endswith("subject.txt"):
        return
    elif name.endswith(".txt") and _URL not in text.split():
        yield f"{name}: {{{{ url }}}} is missing, or stands not as a word of its own"
    elif _URL not in unescape(text):
        yield f"{name}: {{{{ url }}}} is missing, so that nobody could follow the link"


def _place(fault: Exception, name: str, folder: Path) -> str:
    """The file and line of a fault, in the innermost template that it went through."""
    for frame in reversed(traceback.extract_tb(fault.__traceback__)):
        for root in (folder, OURS):
            if Path(frame.filename).is_relative_to(root):
                file = Path(frame.filename).relative_to(root).as_posix()
                return f"{file}, line {frame.lineno}"
    return name
