"""Which columns of a list are which, by the words of its header."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..people import fold

# All words are without accents and signs, in lower case.
_EMAIL_WORDS = frozenset((
    "email", "emailaddress", "mail", "mailaddress", "emailid", "useremail", "workemail",
    "primaryemail",  # of Thunderbird
    "email1value",  # "E-mail 1 - Value" of Google Contacts
    "emailadresse", "mailadresse", "primareemailadresse", "emailadres", "correo", "correoelectronico",
    "direcciondecorreo", "direcciondecorreoelectronico", "courriel", "adresseemail",
    "adressemail", "adressecourriel", "adresseelectronique",
    "adressedemessagerie",  # of Outlook
    "indirizzoemail", "epost",
))  # fmt: skip
# Of postal addresses, or of accounts at Microsoft, where there is a column of the above too.
_ADDRESS_WORDS = frozenset(["address", "addresse", "adresse", "userprincipalname"])
_WHOLE_NAME_WORDS = frozenset((
    "fullname", "displayname", "person", "vollername", "vorundnachname", "nombrecompleto",
    "nombreyapellidos", "nomcomplet", "nometprenom", "nomecompleto",
))  # fmt: skip
_NAME_WORDS = frozenset(["name", "nombre", "nome", "naam"])  # the whole, or a part beside the other
_FIRST_WORDS = frozenset(["firstname", "givenname", "vorname", "prenom", "first", "given"])
_LAST_WORDS = frozenset((
    "lastname", "surname", "familyname", "nachname", "nom", "nomdefamille", "last", "family",
    "apellido", "apellidos", "cognome",
))  # fmt: skip
_LANGUAGE_WORDS = frozenset(["language", "locale", "lang", "idioma", "sprache", "langue"])
_NOTE_WORDS = frozenset(["note", "message", "nota", "notiz", "nachricht", "mensaje"])
_ROLE_WORDS = frozenset(["role", "roles", "rolle", "rollen", "rol"])
# And what explains a word, such as "(work)" or the "[Required]" of Google Workspace.
_SIGNS = re.compile(r"\([^()]*\)|\[[^][]*\]|[\W_]")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where in a row the address and the name stand. `width` is that of the header, 0 without one."""

    email: int
    names: tuple[int, ...]
    width: int = 0
    ignored: tuple[str, ...] = ()
    language: int | None = None
    note: int | None = None
    roles: int | None = None


def columns_named(header: Sequence[str]) -> Columns | None:
    """The columns of a header, or None where this is none: it has no word for an address."""
    if len(header) > 1000 or any("@" in cell for cell in header):
        return None
    words = [_SIGNS.sub("", fold(cell)) for cell in header]
    email = _first(words, _EMAIL_WORDS)
    if email is None:
        email = _first(words, _ADDRESS_WORDS)
    if email is None:
        return None
    names = _names(words)
    language = _first(words, _LANGUAGE_WORDS)
    note, roles = _first(words, _NOTE_WORDS), _first(words, _ROLE_WORDS)
    ignored = tuple(
        cell.strip()[:60]
        for number, cell in enumerate(header)
        if cell.strip() and number not in (email, language, note, roles, *names)
    )
    return Columns(email, names, len(header), ignored, language, note, roles)


def _names(words: Sequence[str]) -> tuple[int, ...]:
    """The columns that are a name together, the first name in front."""
    whole, name = _first(words, _WHOLE_NAME_WORDS), _first(words, _NAME_WORDS)
    first, last = _first(words, _FIRST_WORDS), _first(words, _LAST_WORDS)
    if whole is None and name is not None:
        if first is None and last is not None:
            first = name
        elif last is None and "vorname" in words:
            last = name
        else:
            whole = name
    return tuple(
        number for number in ((first, last) if whole is None else (whole,)) if number is not None
    )


def _first(words: Sequence[str], wanted: frozenset[str]) -> int | None:
    return next((number for number, word in enumerate(words) if word in wanted), None)
