"""Setting a tenant up: `check` finds what does not meet the site's requirements, `apply` changes it.

`requirements` says what is wanted, `files` holds the values, `reader` asks the tenant. Knows
neither Flask nor the terminal; the command line is `cli/tenant.py`.
"""
