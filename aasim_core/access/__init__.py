"""Authorization: permissions, roles, and grants on the organization's tree."""
