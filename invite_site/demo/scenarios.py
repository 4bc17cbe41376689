"""The ways in which invitations travel, as one choice for the site and the tenant."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..settings import Delivery, LinkKind, ReturnTo, Settings

VARIABLES = ("INVITE_DELIVERY", "INVITE_RETURN", "INVITE_LINK")


@dataclass(frozen=True)
class Scenario:
    """What the dashboard calls it, and the settings of the site."""

    words: str
    delivery: Delivery = Delivery.TICKET
    invite_return: ReturnTo = ReturnTo.RESULT_URL
    link: LinkKind = LinkKind.TICKET

    @property
    def environment(self) -> dict[str, str]:
        """The variables that set it."""
        return dict(zip(VARIABLES, (self.delivery, self.invite_return, self.link), strict=True))


SCENARIOS: Mapping[str, Scenario] = {
    "classic": Scenario("Classic password page"),
    "new": Scenario("New Universal Login", invite_return=ReturnTo.LOGIN_ROUTE),
    "tenant_email": Scenario("The tenant's own mail", delivery=Delivery.TENANT_EMAIL),
    "landing": Scenario("Landing link in our mail", link=LinkKind.LANDING),
}


def scenario_of(settings: Settings) -> str:
    """The name of the scenario with these settings; empty where the variables make another one."""
    ours = (settings.delivery, settings.invite_return, settings.link)
    for name, each in SCENARIOS.items():
        if ours == (each.delivery, each.invite_return, each.link):
            return name
    return ""


def experience_for(settings: Settings) -> str:
    """The pages of the tenant that fit these settings."""
    return "new" if settings.invite_return == ReturnTo.LOGIN_ROUTE else "classic"
