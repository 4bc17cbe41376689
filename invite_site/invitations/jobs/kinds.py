"""What a job can do with an invitation."""

import enum

from ..lifecycle import EventKind


class JobKind(enum.StrEnum):
    """An action, as it is stored."""

    RESEND = "resend"
    EXTEND = "extend"
    REVOKE = "revoke"


# What an invitation that a job has changed has among its events, with the number of the job.
EVENTS = {
    JobKind.RESEND: (EventKind.RESENT,),
    JobKind.EXTEND: (EventKind.EXTENDED, EventKind.RESENT),
    JobKind.REVOKE: (EventKind.REVOKED,),
}
