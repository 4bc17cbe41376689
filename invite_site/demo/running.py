"""The parts of a running demo: the tenant, the site with its worker, the guide, the story, the clock."""

import contextlib
import os
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import quote
from wsgiref.types import WSGIApplication, WSGIEnvironment

from .. import local_tenant
from ..errors import InviteSiteError
from ..invitations.lifecycle import State
from ..invitations.tables import Invitation
from ..server import serving
from ..settings import Delivery, ReturnTo, Settings
from ..tenant.http import COMMAND, Credentials, ManagementApi
from ..tenant.setup import files
from ..tenant.setup.apply import execute, plan
from ..tenant.setup.reader import TenantReader
from ..tenant.setup.requirement import Context
from .following import Following
from .guide import Guide
from .instance import Instance
from .people import ADMIN, ADMIN_PASSWORD
from .scenarios import SCENARIOS, VARIABLES, experience_for, scenario_of
from .site import Site
from .steps import Addresses, Guided, Scene
from .story import Story
from .two_hosts import INVITEE, OWNER, TwoHosts, is_invitee

APP_NAME = "Acme Notes"


class Demo:
    """A demo in the folder of `instance`, on these ports; `is_empty` begins it without the story."""

    def __init__(
        self,
        instance: Instance,
        *,
        site_port: int,
        tenant_port: int,
        smtp_port: int,
        is_empty: bool,
    ) -> None:
        self.site_port = site_port
        self.addresses = Addresses(
            f"http://{OWNER}:{site_port}",
            f"http://{INVITEE}:{site_port}",
            f"http://{OWNER}:{tenant_port}",
            f"http://{INVITEE}:{tenant_port}",
        )
        self._instance = instance
        self._is_empty = is_empty
        self._is_telling = False  # then nobody sees a page, and none needs the bar
        self._ports = (site_port, tenant_port)
        self._guide = Guide(self.addresses, self._scene, lambda: self._tenant.demo.unread_mails())
        self._config = local_tenant.TenantConfig(
            database=instance.folder / "tenant.db",
            port=tenant_port,
            smtp_port=smtp_port,
            control=True,
            site_url=self.addresses.site,
            app_name=APP_NAME,
            admin_email=ADMIN,
            admin_password=ADMIN_PASSWORD,
            demonstration=local_tenant.Demonstration(
                scenarios={name: each.words for name, each in SCENARIOS.items()},
                scenario=lambda: scenario_of(self._site.services.settings),
                choose_scenario=self._choose,
                on_clock_moved=self._keep_clock,
                invitee_url=self.addresses.tenant_of_invitee,
                around=lambda app: self._around(app, is_tenant=True),
            ),
        )
        self._tenant: local_tenant.RunningTenant
        self._site: Site

    @contextlib.contextmanager
    def serving(self, listener: socket.socket, stop: threading.Event) -> Iterator[None]:
        """Serve everything until the block ends. A first start tells the story before, unless `stop` is
        set meanwhile. Raises NotOfADemo, and what the tenant and the site raise at their start."""
        self._instance.require_own()
        self._instance.forget_half_story()
        has_story = self._instance.is_new and not self._is_empty
        if has_story:
            self._instance.begin_story()
        with contextlib.ExitStack() as running:
            self._tenant = running.enter_context(local_tenant.serve(self._config))
            self._tenant.demo.set_clock(self._instance.clock_offset)
            chosen = self._chosen()
            told = self._settings(SCENARIOS["classic"].environment if has_story else chosen)
            self._site = Site(told, self._clock)
            running.callback(lambda: self._site.services.close())
            self._grant_admin()
            running.enter_context(serving(self._around(self._site, is_tenant=False), listener))
            if has_story:
                self._tell_story(stop)
            if (settings := self._settings(chosen)) != told:
                self._site.change(settings)
            if self._is_chosen_now:
                self._prepare_tenant(settings)
            running.enter_context(self._site.working())
            yield

    def _tell_story(self, stop: threading.Event) -> None:
        self._is_telling = True
        for _ in Story(self._site, self._tenant).tell():
            if stop.is_set():
                return
        self._is_telling = False
        self._instance.end_story()

    def _around(self, app: WSGIApplication, *, is_tenant: bool) -> WSGIApplication:
        return self._guide.around(TwoHosts(app, self._ports), is_tenant=is_tenant)

    def _clock(self) -> datetime:
        return datetime.fromtimestamp(self._tenant.demo.now(), UTC)

    def _keep_clock(self, offset: float) -> None:
        self._instance.keep_clock_offset(offset)
        self._site.beat()

    @property
    def _is_chosen_now(self) -> bool:
        """Whether the variables of this start say how invitations travel."""
        return any(os.environ.get(name) for name in VARIABLES)

    def _chosen(self) -> dict[str, str]:
        """How invitations travel: by the variables of this start, else as at the one before."""
        source = os.environ if self._is_chosen_now else self._instance.earlier_environment()
        return {name: source.get(name, "") for name in VARIABLES}

    def _choose(self, name: str) -> None:
        """Let invitations travel by this scenario. Raises NotChosen where the tenant cannot be prepared,
        as in an outage that the dashboard has ordered; then they travel as before."""
        earlier, in_file = self._site.services.settings, self._instance.earlier_environment()
        settings = self._settings(SCENARIOS[name].environment)
        try:
            self._prepare_tenant(settings)
        except InviteSiteError as failed:
            self._tenant.demo.choose_experience(experience_for(earlier))
            self._instance.write_environment(in_file)
            raise local_tenant.NotChosen(str(failed)) from failed
        self._site.change(settings)

    def _settings(self, chosen: Mapping[str, str]) -> Settings:
        """The settings of a deployment, also in `demo.env`. Raises ConfigError."""
        earlier = self._instance.earlier_environment()
        environment = {
            "SECRET_KEY": earlier.get("SECRET_KEY") or secrets.token_hex(),
            "SITE_URL": self.addresses.site,
            "SITE_PORT": str(self.site_port),
            "APP_NAME": APP_NAME,
            "CONTACT_EMAIL": ADMIN,
            **self._tenant.environment,
            "DATABASE_URL": f"sqlite:///{quote(str(self._instance.folder / 'site.db'))}",
            "MAIL_FROM": f"{APP_NAME} <invitations@example.com>",
            "LOG_LEVEL": os.environ.get("LOG_LEVEL") or "WARNING",
            **{name: value for name, value in chosen.items() if value},
        }
        settings = Settings.from_env(environment)
        self._instance.write_environment(environment)
        return settings

    def _prepare_tenant(self, settings: Settings) -> None:
        """Let the tenant show the pages, and send the mail, that go with these settings."""
        self._tenant.demo.choose_experience(experience_for(settings))
        if settings.delivery != Delivery.TENANT_EMAIL:
            return
        names = ("TENANT_SETUP_CLIENT_ID", "TENANT_SETUP_CLIENT_SECRET")
        credentials = Credentials.for_setup(*(self._tenant.environment[name] for name in names))
        api = ManagementApi(settings, credentials, COMMAND)
        context = Context(settings, files.read(settings), TenantReader(settings, api), replace=True)
        for _ in execute(plan(context).changes, api):
            pass

    def _grant_admin(self) -> None:
        services = self._site.services
        if any(grant.label == ADMIN for grant in services.admins.all()):
            return
        user = services.tenant.find_user(ADMIN)
        if user is not None:
            services.admins.grant(user.user_id, label=ADMIN, now=services.clock())

    def _scene(self, environ: WSGIEnvironment, is_tenant: bool, status: int) -> Scene | None:
        if self._is_telling:
            return None
        services = self._site.services
        following = Following(services, self._tenant.demo)
        row = following.invitation(environ, is_tenant=is_tenant)
        return Scene(
            addresses=self.addresses,
            path=str(environ.get("PATH_INFO", "")),
            has_result="success=true" in str(environ.get("QUERY_STRING", "")).split("&"),
            is_form_sent=environ["REQUEST_METHOD"] == "POST",
            status=status,
            is_tenant=is_tenant,
            is_invitee=is_invitee(environ),
            guided=self._guided(row) if row else None,
            returns_by_login=services.settings.invite_return == ReturnTo.LOGIN_ROUTE,
        )

    def _guided(self, row: Invitation) -> Guided:
        status, chosen = row.status(self._clock()), self._tenant.demo.password_chosen_at(row.email)
        if status == State.SENT and chosen and chosen > row.created_at.timestamp():
            status = State.PASSWORD_SET  # the site asks the tenant only later
        mail_id, link = self._tenant.demo.newest_mail(row.email) or ("", "")
        name = (row.name.split() or [row.email.partition("@")[0].capitalize()])[0]
        has_password = chosen is not None
        return Guided(row.id, row.ref, name, row.email, status, has_password, mail_id, link)
