"""Auth0's password policies, from *None* to *Excellent*.

Rules and texts are those of its library: https://github.com/auth0/password-sheriff
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Self

_KINDS = (
    ("lower case letters (a-z)", "lowerCase", "abcdefghijklmnopqrstuvwxyz"),
    ("upper case letters (A-Z)", "upperCase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("numbers (i.e. 0-9)", "numbers", "0123456789"),
)
_SPECIAL = ("special characters (e.g. !@#$%^&*)", "specialCharacters")
_MOST_ALIKE = 2
GOOD = "good"
_SHORTEST = {"none": 1, "low": 6, "fair": 8, GOOD: 8, "excellent": 10}  # characters


class UnknownPolicy(ValueError):
    """A policy, or a rule, that is not built; the message says which."""


@dataclass(frozen=True)
class Rule:
    """One rule: Auth0's description of it, whether the password meets it, and its words for the page."""

    described: Mapping[str, Any]
    is_met: bool
    words: str


@dataclass(frozen=True)
class Policy:
    """The policy `name`, with its shortest password in characters."""

    name: str = GOOD
    shortest: int = _SHORTEST[GOOD]

    @classmethod
    def of(cls, options: Mapping[str, Any] | None) -> Self:
        """That of a connection with these options. Raises UnknownPolicy."""
        options = options or {}
        for rule in ("history", "dictionary", "no_personal_info"):
            if (options.get(f"password_{rule}") or {}).get("enable"):
                raise UnknownPolicy(f"password_{rule}")
        name = options.get("passwordPolicy") or GOOD
        if name not in _SHORTEST:
            raise UnknownPolicy(str(name))
        complexity = options.get("password_complexity_options") or {}
        flexible = (options.get("password_options") or {}).get("complexity") or {}
        shortest = flexible.get("min_length") or complexity.get("min_length") or _SHORTEST[name]
        if not isinstance(shortest, int):
            raise UnknownPolicy("min_length")
        return cls(name, shortest)

    def check(self, password: str) -> "PasswordCheck":
        """Check a password by this policy."""
        return PasswordCheck(tuple(self._rules(password)))

    @property
    def words(self) -> list[str]:
        """The rules for people, a line each."""
        return [rule.words for rule in self._rules("")]

    def _rules(self, password: str) -> Iterator[Rule]:
        least = {"message": "At least %d characters in length", "format": [self.shortest]}
        yield Rule(
            least | {"code": "lengthAtLeast"},
            len(password) >= self.shortest,
            f"at least {self.shortest} character{'s' if self.shortest > 1 else ''}",
        )
        kinds = [
            {
                "message": message,
                "code": code,
                "verified": any(each in letters for each in password),
            }
            for message, code, letters in _KINDS
        ]
        if self.name == "fair":
            yield Rule(
                {"message": "Should contain:", "code": "shouldContain", "items": kinds},
                all(kind["verified"] for kind in kinds),
                "lower case letters, upper case letters and numbers",
            )
        if self.name in (GOOD, "excellent"):
            special = any(not (each.isascii() and each.isalnum()) for each in password)
            kinds.append({"message": _SPECIAL[0], "code": _SPECIAL[1], "verified": special})
            yield Rule(
                {
                    "message": "Contain at least %d of the following %d types of characters:",
                    "code": "containsAtLeast",
                    "format": [3, 4],
                    "items": kinds,
                },
                sum(bool(kind["verified"]) for kind in kinds) >= 3,
                "at least three of: lower case letters, upper case letters, numbers, special characters",
            )
        if self.name == "excellent":
            yield Rule(
                {
                    "message": 'No more than %d identical characters in a row (e.g., "%s" not allowed)',
                    "code": "identicalChars",
                    "format": [_MOST_ALIKE, "aaa"],
                },
                all(len(list(run)) <= _MOST_ALIKE for _, run in groupby(password)),
                f"no more than {_MOST_ALIKE} identical characters in a row",
            )


@dataclass(frozen=True)
class PasswordCheck:
    """What a policy says about a password."""

    rules: tuple[Rule, ...]

    @property
    def is_good(self) -> bool:
        return all(rule.is_met for rule in self.rules)

    def explanation(self) -> str:
        """What is missing, as a text for the page."""
        missing = [rule.words for rule in self.rules if not rule.is_met]
        return f"Password is too weak. It needs {' and '.join(missing)}."

    def as_error(self) -> dict[str, Any]:
        """The body of the 400 for Auth0's Classic page."""
        rules = [{**rule.described, "verified": rule.is_met} for rule in self.rules]
        return {
            "name": "PasswordStrengthError",
            "message": "Password is too weak",
            "code": "invalid_password",
            "description": {"rules": rules, "verified": False},
            "policy": "\n".join(line for rule in self.rules for line in _as_text(rule)),
            "statusCode": 400,
        }


def _as_text(rule: Rule) -> Iterator[str]:
    message = str(rule.described["message"])
    yield "* " + (message % tuple(rule.described.get("format", ())))
    for item in rule.described.get("items", ()):
        yield f" * {item['message']}"
