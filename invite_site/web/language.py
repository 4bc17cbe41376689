"""The language of a page: the one that this browser has chosen, that of the invitation which the page
is about, the one that the browser asks for, or English. The admin pages are English."""

from urllib.parse import urlencode

import flask_babel
from babel import Locale
from flask import Flask, g, has_request_context, request, session
from werkzeug.wrappers import Response

from ..languages import ENGLISH, FOLDER, LANGUAGES
from ..languages import moment as moment_in

PARAMETER = "lang"  # of an address that chooses a language
CHOSEN = "language"  # in the cookie that Flask signs


def init_app(app: Flask) -> None:
    """Let the templates of `app` speak the language of the page."""
    flask_babel.Babel(
        app,
        default_locale=ENGLISH,
        default_translation_directories=str(FOLDER),
        locale_selector=page_language,
    )
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.add_template_filter(lambda at: moment_in(at, str(_locale())), "local_moment")
    app.add_template_filter(lambda code: LANGUAGES.get(code, code), "language_name")
    app.context_processor(_context)

    @app.before_request
    def _choose() -> None:
        if request.method == "GET" and request.args.get(PARAMETER) in LANGUAGES:
            session[CHOSEN] = request.args[PARAMETER]

    @app.after_request
    def _name(response: Response) -> Response:
        if response.mimetype == "text/html" and not is_admin_page() and not response.location:
            response.headers["Content-Language"] = page_language()
            response.vary.add("Accept-Language")
        return response


def speak(language: str | None) -> None:
    """The page is about an invitation in this language. Called before anything is rendered."""
    g.language_of_invitation = language


def page_language() -> str:
    """The language of the page that answers this request."""
    if not has_request_context() or is_admin_page():
        return ENGLISH
    chosen = session.get(CHOSEN) or g.get("language_of_invitation")
    if chosen in LANGUAGES:
        return str(chosen)
    return request.accept_languages.best_match(LANGUAGES) or ENGLISH


def is_admin_page() -> bool:
    """Whether an admin page answers this request."""
    return request.blueprint == "admin"


def _locale() -> Locale:
    """That of the sentences."""
    return Locale.parse(flask_babel.get_locale())


def _context() -> dict[str, object]:
    locale = _locale()
    return {
        "language": str(locale),
        "direction": locale.text_direction,
        "language_choices": _choices(),
    }


def _choices() -> list[tuple[str, str, str]]:
    """Code, name and address of each language that the page can be had in. None where the same address
    would not give the same page once more."""
    if is_admin_page() or request.method != "GET" or request.endpoint == "auth.callback":
        return []
    here = [each for each in request.args.items(multi=True) if each[0] != PARAMETER]
    return [
        (code, name, "?" + urlencode([*here, (PARAMETER, code)]))
        for code, name in LANGUAGES.items()
    ]
