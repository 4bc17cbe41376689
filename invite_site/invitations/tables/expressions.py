"""What the two databases write in different words."""

from typing import Any

from sqlalchemy import ColumnElement, column, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class greatest(FunctionElement[Any]):
    """The greatest of some values, none of which is NULL."""

    inherit_cache = True


@compiles(greatest)
def _as_greatest(element: greatest, compiler: SQLCompiler, **how: Any) -> str:
    return f"greatest({compiler.process(element.clauses, **how)})"


@compiles(greatest, "sqlite")
def _as_max(element: greatest, compiler: SQLCompiler, **how: Any) -> str:
    return f"max({compiler.process(element.clauses, **how)})"


def latest_of(first: str, *others: str) -> ColumnElement[Any]:
    """The latest moment in these columns of a row; only the first one is never NULL."""
    always: ColumnElement[Any] = column(first)
    return greatest(always, *(func.coalesce(column(each), always) for each in others))
