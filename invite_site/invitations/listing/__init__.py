"""Lists for people, of any length: a page costs what its own rows cost, not what the table holds."""

from .filters import ATTENTION, Filters
from .pages import COUNTED, Count, Listing, Page

__all__ = ["ATTENTION", "COUNTED", "Count", "Filters", "Listing", "Page"]
