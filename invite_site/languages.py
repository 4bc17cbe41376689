"""The languages of pages and mails: which there are, what people call them, and dates in each.

The sentences are in `translations/`, one folder a language; English is written in the templates.
"""

import functools
import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.support import NullTranslations, Translations
from babel.units import format_unit

from .settings import ROOT

ENGLISH = "en"
# By its own name, since whoever looks for it reads that.
LANGUAGES: Mapping[str, str] = {
    ENGLISH: "English",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
}
FOLDER = ROOT / "translations"
# Day before month: "27 November 2026".
_DATES = {ENGLISH: "en_GB"}


def language_of(word: str) -> str | None:
    """The language that this word means: a code such as `de` or `de-AT`, or its name in any of our
    languages. None where there is no such language here."""
    word = word.strip().casefold()
    code = word.replace("_", "-").partition("-")[0]
    return code if code in LANGUAGES else _names().get(word)


def marked(sentence: str) -> str:
    """The sentence as it is. It is translated where it is shown, and found here for the catalogue."""
    return sentence


@functools.cache
def translations_of(language: str) -> NullTranslations:
    """The sentences of this language; for English, the templates' own."""
    return Translations.load(str(FOLDER), [language])


def direction_of(language: str) -> str:
    """How it is written: `ltr` or `rtl`."""
    return Locale.parse(language).text_direction


def moment(at: datetime, language: str) -> str:
    """A moment in words, with its zone: "27 November 2026, 14:05 UTC"."""
    locale = _DATES.get(language, language)
    date = _counted(format_date(at, "long", locale), language)
    return f"{date}, {format_time(at, 'HH:mm', locale=locale)} UTC"


def day(at: datetime, language: str) -> str:
    """A day of the months to come: "27 November"."""
    return _counted(format_skeleton("MMMMd", at, locale=_DATES.get(language, language)), language)


def time_left(left: timedelta, language: str = ENGLISH) -> str:
    """The time in words, in whole days, hours or minutes: "5 days", "1 hour".

    Rounded down, but for the moment between the invitation and its mail.
    """
    seconds = math.floor((left + timedelta(seconds=59)).total_seconds())
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if count := seconds // size:
            return format_unit(count, f"duration-{unit}", locale=language)
    return translations_of(language).gettext(marked("less than a minute"))


def _counted(date: str, language: str) -> str:
    """In French the first day of a month is counted: "1er mars". Babel does not know that."""
    return f"1er {date[2:]}" if language == "fr" and date.startswith("1 ") else date


@functools.cache
def _names() -> Mapping[str, str]:
    """The code of each language by every name that it has in our languages."""
    return {
        str(Locale.parse(speaker).languages[code]).casefold(): code
        for speaker in LANGUAGES
        for code in LANGUAGES
    }
