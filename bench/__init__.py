"""`make bench`: this site measured beside a quickstart-style one, in one run on one machine.

What counts is the ratio: both sites are served in the same way, by processes of their own, and
driven by the same client in rounds that take turns, so a busy machine slows both. CPU is what a
site's process used itself, user and system; the tenant and the client are processes apart.
"""
