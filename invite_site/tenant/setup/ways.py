"""How invitations travel, as the settings say: it decides what the tenant has to offer."""

from dataclasses import dataclass

from ...settings import Settings

TICKET, TENANT_EMAIL = "ticket", "tenant_email"
RESULT_URL, LOGIN_ROUTE = "result_url", "login_route"


@dataclass(frozen=True, slots=True)
class Ways:
    """`delivery`: whose mail it is. `back`: how people return once the password is set."""

    delivery: str = TICKET
    back: str = RESULT_URL

    @classmethod
    def of(cls, settings: Settings) -> "Ways":
        return cls(delivery=settings.delivery, back=settings.invite_return)

    @property
    def tenant_mails(self) -> bool:
        return self.delivery == TENANT_EMAIL

    @property
    def by_login_route(self) -> bool:
        return self.back == LOGIN_ROUTE
