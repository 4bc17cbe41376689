"""The scopes of the Management API that open something here; another would promise a 501."""

MANAGEMENT_SCOPES = frozenset(
    (
        "create:users", "read:users", "update:users", "delete:users", "create:user_tickets",
        "update:users_app_metadata",
        "create:roles", "read:roles", "update:roles", "delete:roles",
        "create:role_members", "read:role_members", "delete:role_members",
        "read:logs", "read:logs_users",
        "create:email_templates", "read:email_templates", "update:email_templates",
        "create:email_provider", "read:email_provider", "update:email_provider",
        "delete:email_provider",
        "read:tenant_settings", "update:tenant_settings", "read:prompts", "update:prompts",
        "create:clients", "read:clients", "update:clients", "delete:clients", "read:client_keys",
        "create:client_grants", "read:client_grants", "update:client_grants",
        "delete:client_grants",
        "read:connections", "update:connections", "read:resource_servers",
    )
)  # fmt: skip
