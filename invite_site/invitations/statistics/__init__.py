"""Counts of invitations, kept in the transaction of each change, for pages and commands."""

from .figures import Statistics, percent, share

__all__ = ["Statistics", "percent", "share"]
