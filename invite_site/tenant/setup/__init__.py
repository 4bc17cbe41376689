"""A tenant from outside: what it should look like, what it looks like, and the way between.

`check` tells, `apply` changes. Both speak to the tenant by HTTP like the rest of the site, and
neither knows Flask.
"""
