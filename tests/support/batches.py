"""What an admin does with a list of people, in the browser and without."""

import csv
import io

from invite_site.invitations.people import Inviter
from invite_site.invitations.tables import Batch
from tests.support.person import Person
from tests.support.running import RunningSite

GRACE = Inviter("Grace Hopper", "auth0|grace")
LIST = b"""Email address,Name
ada@example.com,Ada Byron
grace@example,Grace Hopper
hedy@example.com,Hedy Lamarr
ADA@example.com,Ada again
"""


def uploads(desk: Person, site: RunningSite, content: bytes, name: str = "people.csv") -> Person:
    desk.opens(f"{site.url}/admin/batches/new").chooses("File", name, content)
    return desk.presses("Show preview")


def pastes(desk: Person, site: RunningSite, text: str) -> Person:
    desk.opens(f"{site.url}/admin/batches/new").types_into("Or paste the list", text)
    return desk.presses("Show preview")


def results(desk: Person) -> list[list[str]]:
    answer = desk.peeks(desk.sees_link("Download the results (CSV)"))
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def lines(desk: Person) -> list[str]:
    """The rows of the preview as they are seen, without their forms."""
    return [
        " ".join(" ".join(cell.get_text(" ") for cell in row.find_all("td")[:3]).split())
        for row in desk.soup.select("tbody tr")
    ]


def people(prefix: str, number: int) -> str:
    """A list of so many addresses that begin so."""
    return "Email\n" + "".join(f"{prefix}{each}@example.com\n" for each in range(number))


def starts(
    site: RunningSite, content: str, inviter: Inviter = GRACE, name: str = "people.csv"
) -> Batch:
    """Preview this list and send it, without a browser."""
    batches = site.services.batches
    batch = batches.preview(content.encode(), name=name, inviter=inviter)
    batches.start(batch.id, inviter=inviter)
    return batch
