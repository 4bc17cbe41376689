"""What a worker does with an invitation that is due: account, link, mail, and what became of it."""
