"""Counts of invitations, kept in the transaction of each change, for pages and commands."""

from .figures import Statistics, share

__all__ = ["Statistics", "share"]
