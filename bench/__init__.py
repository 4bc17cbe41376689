"""`make bench`: the site measured beside Auth0's quickstart, its SDK, and what a tenant allows.

What counts are ratios: both sides are served in the same way, by processes of their own, and driven
by the same client in rounds that take turns, so a busy machine slows both. CPU is what a process
used itself, user and system; the tenant and the client are processes apart.
"""
