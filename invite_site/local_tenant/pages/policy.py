"""Auth0's password policy `good`: eight characters, three of four kinds of them."""

from dataclasses import dataclass
from typing import Any

MINIMUM_LENGTH = 8
KINDS_NEEDED = 3

_KINDS = (
    ("lower case letters (a-z)", "lowerCase", "abcdefghijklmnopqrstuvwxyz"),
    ("upper case letters (A-Z)", "upperCase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("numbers (i.e. 0-9)", "numbers", "0123456789"),
)
POLICY_TEXT = (
    "* At least 8 characters in length\n* Contain at least 3 of the following 4 types of"
    " characters:\n * lower case letters (a-z)\n * upper case letters (A-Z)\n"
    " * numbers (i.e. 0-9)\n * special characters (e.g. !@#$%^&*)"
)


@dataclass(frozen=True)
class PasswordCheck:
    """The result of a check: the length, and each kind of character with whether it occurs."""

    long_enough: bool
    kinds: tuple[tuple[str, str, bool], ...]

    @property
    def enough_kinds(self) -> bool:
        return sum(present for _, _, present in self.kinds) >= KINDS_NEEDED

    @property
    def is_good(self) -> bool:
        return self.long_enough and self.enough_kinds

    def explanation(self) -> str:
        """What is missing, as a text for the page."""
        wanted = []
        if not self.long_enough:
            wanted.append(f"at least {MINIMUM_LENGTH} characters")
        if not self.enough_kinds:
            wanted.append(
                "at least three of: lower case letters, upper case letters, numbers, special characters"
            )
        return f"Password is too weak. It needs {' and '.join(wanted)}."

    def as_error(self) -> dict[str, Any]:
        """The body of the 400 for Auth0's Classic page."""
        items = [
            {"message": message, "code": code, "verified": present}
            for message, code, present in self.kinds
        ]
        rules = [
            {
                "message": "At least %d characters in length",
                "format": [MINIMUM_LENGTH],
                "code": "lengthAtLeast",
                "verified": self.long_enough,
            },
            {
                "message": "Contain at least %d of the following %d types of characters:",
                "format": [KINDS_NEEDED, 4],
                "code": "containsAtLeast",
                "items": items,
                "verified": self.enough_kinds,
            },
        ]
        return {
            "name": "PasswordStrengthError",
            "message": "Password is too weak",
            "code": "invalid_password",
            "description": {"rules": rules, "verified": False},
            "policy": POLICY_TEXT,
            "statusCode": 400,
        }


def check_password(password: str) -> PasswordCheck:
    """Check a password by the policy."""
    kinds = [
        (message, code, any(each in alphabet for each in password))
        for message, code, alphabet in _KINDS
    ]
    special = any(not (each.isascii() and each.isalnum()) for each in password)
    kinds.append(("special characters (e.g. !@#$%^&*)", "specialCharacters", special))
    return PasswordCheck(len(password) >= MINIMUM_LENGTH, tuple(kinds))
