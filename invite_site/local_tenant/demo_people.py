"""Who is offered on the login page, so that a demo needs no typing: only where the tenant is a toy."""

from dataclasses import dataclass

from .state import State

_OTHERS = 4


@dataclass(frozen=True)
class People:
    """The admin with the password that signs in by one click, and addresses to fill in."""

    admin: tuple[str, str] | None
    others: tuple[str, ...]


def offered_people(state: State) -> People | None:
    """The seeded admin and the newest people with a password of their own; with `control` alone."""
    config = state.config
    if not config.control:
        return None
    admin = state.users.by_email(config.admin_email.lower())
    # The words on the page must stay true when somebody changes the password.
    known = admin is not None and admin.has_password(config.admin_password)
    others = [each.email for each in state.users.with_own_password(_OTHERS + 1)]
    return People(
        (config.admin_email, config.admin_password) if known else None,
        tuple(each for each in others if each != config.admin_email.lower())[:_OTHERS],
    )
