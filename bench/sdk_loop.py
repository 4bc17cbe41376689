"""What the site's sender is measured beside: a loop over Auth0's own SDK and smtplib.

One person after the other: create the user, make the ticket, mail the link over a connection of
its own. It keeps nothing, resumes nothing and tries nothing again.
"""

import os
import smtplib
import time
from email.message import EmailMessage
from urllib.parse import urlsplit

from auth0.management import ManagementClient

LIFETIME = 5 * 24 * 60 * 60  # seconds


def run(number: int) -> float:
    """Seconds that it took to invite so many people."""
    client = ManagementClient(
        domain=urlsplit(os.environ["AUTH0_DOMAIN"]).netloc,
        client_id=os.environ["AUTH0_MANAGEMENT_CLIENT_ID"],
        client_secret=os.environ["AUTH0_MANAGEMENT_CLIENT_SECRET"],
    )
    server = urlsplit(os.environ["SMTP_URL"])
    start = time.perf_counter()
    for each in range(number):
        email = f"person{each}@example.com"
        user = client.users.create(
            connection=os.environ["AUTH0_CONNECTION"],
            email=email,
            password="Nobody-Knows-It-7",
            email_verified=False,
            verify_email=False,
            app_metadata={"invitedToMyApp": True},
        )
        ticket = client.tickets.change_password(
            user_id=user.user_id,
            result_url="http://localhost:3000/invite/complete",
            ttl_sec=LIFETIME,
            mark_email_as_verified=True,
        )
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = os.environ["MAIL_FROM"], email, "Invitation"
        mail.set_content(f"Choose your password: {ticket.ticket}")
        with smtplib.SMTP(server.hostname or "", server.port or 25) as smtp:
            smtp.send_message(mail)
    return time.perf_counter() - start
