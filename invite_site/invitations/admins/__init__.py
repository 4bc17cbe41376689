"""What admins do about each other: grants, also to people who are invited only now, and their end."""
