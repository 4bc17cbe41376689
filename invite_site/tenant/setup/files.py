"""The tenant's own files, in the folders and with the keywords of Auth0's Deploy CLI.

`##WORD##` is replaced by the text, `@@WORD@@` by the value as JSON, as that tool does it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from ...settings import ROOT, Settings

FOLDER = ROOT / "templates" / "tenant"
# Stands in every page and template of ours, so that we know them again at the tenant.
OURS = "flask tenant apply"
PROMPT = "reset-password"

_QUOTED = re.compile(r'"@@([A-Z_]+)@@"|@@([A-Z_]+)@@')
_LITERAL = re.compile(r"##([A-Z_]+)##")


@dataclass(frozen=True, slots=True)
class DesiredState:
    """What the files say, with the keywords filled in; in the shapes of the Management API."""

    application: Mapping[str, Any]
    management: Mapping[str, Any]
    grant: Mapping[str, Any]
    template: Mapping[str, Any]  # of the mail, with its body
    page: Mapping[str, Any]  # the password page: enabled, html
    texts: Mapping[str, Mapping[str, Mapping[str, str]]]  # of PROMPT: language, screen, key


def keywords(settings: Settings) -> dict[str, Any]:
    """The values for the keywords of the files."""
    return {
        "APPLICATION_NAME": settings.app_name,
        "INVITATION_TTL": settings.invitation_ttl,
        "MAIL_FROM": str(settings.mail_from),
        "MANAGEMENT_AUDIENCE": settings.management_audience,
        "MANAGEMENT_CLIENT": settings.management_client_id,
        "MANAGEMENT_NAME": f"{settings.app_name} (Management API)",
        "SITE_URL": settings.site_url,
    }


def read(settings: Settings, folder: Path = FOLDER) -> DesiredState:
    """The files for this site. Raises ConfigError naming a file that cannot be used."""
    values = keywords(settings)

    def text(name: str) -> str:
        return _filled(folder / name, values)

    def data(name: str) -> Any:
        try:
            return json.loads(text(name))
        except ValueError as fault:
            raise ConfigError([f"{folder / name} is not JSON: {fault}."]) from fault

    template, page = data("emails/reset_email.json"), data("pages/password_reset.json")
    languages = data("prompts/custom-text.json")
    return DesiredState(
        application=data("clients/application.json"),
        management=data("clients/management.json"),
        grant=data("grants/management.json"),
        template={**template, "body": text("emails/reset_email.html")},
        page={"enabled": page["enabled"], "html": text("pages/password_reset.html")},
        texts={language: prompts[PROMPT] for language, prompts in languages.items()},
    )


def _filled(file: Path, values: Mapping[str, Any]) -> str:
    def value(name: str) -> Any:
        if name not in values:
            raise ConfigError([f"{file} has the keyword {name}, which nothing fills in."])
        return values[name]

    try:
        source = file.read_text(encoding="utf-8")
    except OSError as fault:
        raise ConfigError([f"{file} cannot be read: {fault.strerror}."]) from fault
    source = _QUOTED.sub(lambda found: json.dumps(value(found[1] or found[2])), source)
    return _LITERAL.sub(lambda found: str(value(found[1])), source)
