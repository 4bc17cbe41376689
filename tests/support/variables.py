"""Variables that a site can start with."""

GOOD = {
    "SECRET_KEY": "0123456789abcdef0123456789abcdef",
    "SITE_URL": "https://invite.example.com/",
    "APP_NAME": "Acme",
    "AUTH0_DOMAIN": "acme.eu.auth0.com",
    "AUTH0_CLIENT_ID": "cid",
    "AUTH0_CLIENT_SECRET": "secret-of-the-client",
    "SMTP_URL": "smtp://user:pass@mail.example.com:587",
    "MAIL_FROM": "Acme <invitations@example.com>",
    "DATABASE_URL": "sqlite:////srv/invite-site/site.db",
}
HERE = {"SITE_URL": "http://localhost:3000"}  # in place of an address that others reach
