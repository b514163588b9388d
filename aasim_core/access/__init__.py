"""What a principal may do: permissions, roles, and grants on the organization's tree."""
