"""Liquid, the language of Auth0's mail templates and of its customised password page.

Templates are input, so loops, output and variables are limited. The library takes a fifth of
a second to import: callers import this module where they render, not at the start.
"""

import json
from collections.abc import Mapping
from typing import Any, TextIO

from liquid import Environment, Node, RenderContext, Tag, Token, TokenStream
from liquid.exceptions import LiquidError
from markupsafe import escape


class BadTemplate(ValueError):
    """A template that cannot be rendered; the message is one line."""


class _Debug(Node):
    """Auth0's `{% debug %}`: everything a template may use, as JSON."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        shown = json.dumps(dict(context.globals), indent=2, default=str)
        return buffer.write(f"<pre>{escape(shown)}</pre>")


class _DebugTag(Tag):
    name = "debug"
    block = False

    def parse(self, stream: TokenStream) -> _Debug:
        token: Token = stream.current
        return _Debug(token)


class _Bounded(Environment):
    """Limits far above what a mail needs."""

    loop_iteration_limit = 10_000
    output_stream_limit = 1_000_000
    local_namespace_limit = 200_000
    context_depth_limit = 30


def _environment(*, escaping: bool) -> Environment:
    # Like LiquidJS, which Auth0 uses, ignore an unknown filter.
    made = _Bounded(autoescape=escaping, strict_filters=False)
    made.add_tag(_DebugTag)
    return made


_MARKUP, _PLAIN = _environment(escaping=True), _environment(escaping=False)


def render_markup(source: str, context: Mapping[str, Any]) -> str:
    """A template rendered as HTML; values are escaped unless they are `Markup`."""
    return _render(_MARKUP, source, context)


def render_line(source: str, context: Mapping[str, Any]) -> str:
    """A template rendered as one line of plain text, for headers and addresses."""
    return " ".join(_render(_PLAIN, source, context).split())


def _render(environment: Environment, source: str, context: Mapping[str, Any]) -> str:
    try:
        return environment.from_string(source).render(**context)
    except (LiquidError, ArithmeticError, RecursionError, TypeError, ValueError) as error:
        raise BadTemplate(str(error).partition("\n")[0] or type(error).__name__) from error
