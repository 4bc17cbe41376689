"""Lists for people, of any length: a page costs what its own rows cost, not what the table holds."""

from .pages import Listing

__all__ = ["Listing"]
