"""Closed schemas of the Management API, and its errors in Auth0's shape and grammar."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email

Found = TypeVar("Found")

_JSON_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (dict, "object"),
    (list, "array"),
)

# Auth0's name for what a default login route has to be.
HTTPS_OR_EMPTY = "absolute-https-uri-or-empty"


class ApiError(Exception):
    """An answer `{statusCode, error, message, errorCode}`; the code is sometimes absent."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {
            "statusCode": status,
            "error": HTTPStatus(status).phrase,
            "message": message,
        }
        if code is not None:
            self.body["errorCode"] = code
        if attributes is not None:
            self.body["attributes"] = dict(attributes)


@dataclass(frozen=True)
class Field:
    """What one property may hold. Lengths are in characters, `least` and `most` bound an integer.

    `items` are those of an array, of which there are at least `shortest`; `fields` close
    the schema of an object, which else may hold anything. `not_built` are choices that Auth0 has
    besides.
    """

    type: str
    description: str
    shortest: int = 0
    longest: int | None = None
    format: str | None = None
    least: int | None = None
    most: int | None = None
    nullable: bool = False
    choices: Collection[str] = ()
    not_built: Collection[str] = ()
    items: "Field | None" = None
    fields: "Mapping[str, Field] | None" = None


_NOT_BUILT = "not built"


def not_built_fields(names: str) -> dict[str, Field]:
    """Properties, separated by spaces, that Auth0 takes and the local tenant does not
    (https://auth0.com/docs/api/management/v2)."""
    return dict.fromkeys(names.split(), Field(_NOT_BUILT, ""))


def invalid_body(reason: str) -> ApiError:
    """The 400 for a body that breaks a rule."""
    return ApiError(400, f"Payload validation error: '{reason}'.", "invalid_body")


def invalid_property(reason: str, field: Field, path: str) -> ApiError:
    """The 400 for a property that breaks a rule."""
    about = f" ({field.description})" if field.description else ""
    text = f"'{reason}' on property {path}{about}"
    return ApiError(400, f"Payload validation error: {text}.", "invalid_body")


def not_built(what: str) -> ApiError:
    """The answer to a value that Auth0 takes and the local tenant does not; for a path `web.py` has it."""
    text = f"The local tenant does not implement {what}"
    return ApiError(404, text, "not_supported_by_local_tenant")


def invalid_path(reason: str) -> ApiError:
    """The 400 for a path parameter that breaks a rule."""
    return ApiError(400, f"Path validation error: {reason}", "invalid_uri")


def required(found: Found | None, message: str, code: str | None = None) -> Found:
    """What was found; raises the 404 where nothing was."""
    if found is None:
        raise ApiError(404, message, code)
    return found


def check_body(
    body: object, fields: Mapping[str, Field], required: Collection[str]
) -> dict[str, Any]:
    """The body if it fits the schema; raises the `ApiError` for the first rule it breaks."""
    if not isinstance(body, dict):
        raise invalid_body(f"Expected type object but found type {_type_of(body)}")
    for name in required:
        if name not in body:
            raise invalid_body(f"Missing required property: {name}")
    _check_object(body, fields, "")
    return body


def _check_object(value: Mapping[str, Any], fields: Mapping[str, Field], path: str) -> None:
    for name, each in value.items():
        if name not in fields:
            raise invalid_body(f"Additional properties not allowed: {name}")
        _check_value(each, fields[name], path + name)


def _check_value(value: Any, field: Field, path: str) -> None:
    if field.type == _NOT_BUILT:
        raise not_built(f"the property {path}")
    if isinstance(value, str) and value in field.not_built:
        raise not_built(f"{value} as {path}")
    reason = _broken_rule(field, value)
    if reason is not None:
        raise invalid_property(reason, field, path)
    if field.fields is not None and isinstance(value, dict):
        _check_object(value, field.fields, f"{path}.")
    if field.items is not None and isinstance(value, list):
        for index, each in enumerate(value):
            _check_value(each, field.items, f"{path}[{index}]")


def _type_of(value: object) -> str:
    if value is None:
        return "null"
    return next(name for type_, name in _JSON_TYPES if isinstance(value, type_))


def _broken_rule(field: Field, value: Any) -> str | None:
    found = _type_of(value)
    if found == "null" and field.nullable:
        return None
    if found != field.type:
        return f"Expected type {field.type} but found type {found}"
    if field.type == "integer" and field.least is not None and value < field.least:
        return f"Value {value} is less than minimum {field.least}"
    if field.type == "integer" and field.most is not None and value > field.most:
        return f"Value {value} is greater than maximum {field.most}"
    if field.type == "array" and len(value) < field.shortest:
        return f"Array is too short ({len(value)}), minimum {field.shortest}"
    if field.type != "string":
        return None
    if not _is_text(value):
        return "Object didn't pass validation for format string"
    if field.choices and value not in field.choices:
        return f"No enum match for: {value}"
    if len(value) < field.shortest:
        return f"String is too short ({len(value)} chars), minimum {field.shortest}"
    if field.longest is not None and len(value) > field.longest:
        return f"String is too long ({len(value)} chars), maximum {field.longest}"
    if field.format is not None and not _has_format(field.format, value):
        return f"Object didn't pass validation for format {field.format}: {value}"
    return None


def _is_text(value: str) -> bool:
    """JSON can hold a lone surrogate, which cannot be stored."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _has_format(name: str, value: str) -> bool:
    if name == "email":
        try:
            # No DNS lookup; the domains reserved for tests are valid.
            validate_email(value, check_deliverability=False, test_environment=True)
        except EmailNotValidError:
            return False
        return True
    if name == HTTPS_OR_EMPTY and not value:
        return True
    try:
        parts = urlsplit(value)
    except ValueError:  # an unclosed bracket
        return False
    if name == HTTPS_OR_EMPTY:
        # Ours: plain http for this machine, which has no certificate.
        is_local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
        if parts.scheme != "https" and not is_local:
            return False
    # Only addresses a browser can be sent to; other schemes are not established (ours).
    if parts.scheme not in ("http", "https"):
        return False
    return bool(parts.netloc) and not any(each.isspace() for each in value)
