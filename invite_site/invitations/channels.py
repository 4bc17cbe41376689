"""Which way invitations travel by the settings, in words for admins, and what that way cannot do."""

from ..settings import Settings


def way_of(settings: Settings) -> tuple[str, list[str]]:
    """One sentence about the way in use, and one for each thing that it cannot do."""
    if settings.delivery == "tenant_email":
        return (
            "The tenant sends its own mail, from its template.",
            [
                "It knows no name of the inviter, and its link lives as long as the template says.",
                "Nobody hears whether the mail went out; the tenant's own log says so.",
                "People come back without a trace of their invitation, so they may have to type "
                "their address. The account that signs in still shows whose invitation it was.",
            ],
        )
    limits = []
    if settings.link == "landing":
        way = "Our mail, with a link to a page of ours that leads on to the tenant."
    else:
        way = "Our mail, with the tenant's own link."
    if settings.invite_return == "login_route":
        way += " People come back by the tenant's button to the login."
        if settings.link == "ticket":
            limits.append(
                "The tenant's button names nobody, so people type their address when they sign in."
            )
        limits.append(
            "Nobody comes back by itself: after choosing a password people press the button, or "
            "sign in later."
        )
    return way, limits
