"""What the site requires of its tenant, one file a topic.

A topic says in one place how things should be: its functions for `check` and its changes for
`apply` read the same things and share what tells the difference.
"""

from ..requirement import Requirement, Section
from . import (
    access,
    application,
    connection,
    mail_server,
    password_page,
    permissions,
    tenant_mail,
    texts,
)

# In the order in which to put them right.
REQUIREMENTS = (
    Requirement("Domain", access.domain),
    Requirement("Clock", access.clock),
    Requirement("Management credentials", permissions.credentials),
    Requirement("Management permissions", permissions.scopes),
    Requirement("Setup credentials", permissions.setup_credentials),
    Requirement("Application secret", application.secret),
    Requirement("Application", application.kind),
    Requirement("Callback URL", application.callback),
    Requirement("Logout URL", application.logout),
    Requirement("Application Login URI", application.login_uri),
    Requirement("Connection", connection.database),
    Requirement("Connection enabled", connection.enabled),
    Requirement("Sign-ups", connection.sign_ups),
    Requirement("Experience", password_page.experience),
    Requirement("Password page", password_page.page),
    Requirement("Password policy", password_page.policy),
    Requirement("Texts", texts.texts),
    Requirement("Mail template", tenant_mail.template),
    Requirement("Mail template's way back", tenant_mail.result_url),
    Requirement("Mail provider", tenant_mail.provider),
    Requirement("Welcome mail", tenant_mail.welcome_mail),
    Requirement("Ticket host", access.ticket_host),
    Requirement("Mail server", mail_server.mail_server),
    Requirement("Rate limit", access.rate_limit),  # last, so that there were calls before
)

# In the order in which they are sent: a tenant uses its templates only with a provider.
SECTIONS = (
    Section("Application", application.changes),
    Section("Management application", application.management_changes),
    Section("Permissions of the site", permissions.grant_changes),
    Section("Connection", connection.changes),
    Section("Password page", password_page.changes),
    Section("Texts", texts.changes),
    Section("Mail provider", tenant_mail.provider_changes),
    Section("Mail template", tenant_mail.template_changes),
)
