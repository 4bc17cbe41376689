"""Universal Login: which experience is on, and the texts somebody has put in place of its own."""

from .documents import Document, Documents

CLASSIC, NEW = "classic", "new"

_KIND, _NAME = "prompts", "current"
_TEXTS = "custom_text"


class Prompts:
    """In the shape of Auth0's `/prompts`."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def get(self) -> Document:
        """The settings of Universal Login."""
        fresh = {
            "universal_login_experience": CLASSIC,
            "identifier_first": True,
            "webauthn_platform_first_factor": False,
        }
        return {**fresh, **(self._documents.get(_KIND, _NAME) or {})}

    def change(self, changes: Document) -> Document:
        """Set some; all of them after it."""
        self._documents.put(_KIND, _NAME, {**self.get(), **changes})
        return self.get()

    def experience(self) -> str:
        """`new` or `classic`. A customised password page is Classic in both."""
        return str(self.get()["universal_login_experience"])


class CustomText:
    """In the shape of Auth0's `/prompts/{prompt}/custom-text/{language}`."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def get(self, prompt: str, language: str) -> Document:
        """`{screen: {key: text}}`; empty where nothing was changed."""
        return self._documents.get(_TEXTS, f"{prompt}/{language}") or {}

    def put(self, prompt: str, language: str, texts: Document) -> None:
        """Put all texts of a prompt in place of the earlier ones."""
        self._documents.put(_TEXTS, f"{prompt}/{language}", texts)
