"""Settlement balances from accounting's own register, what moved them, what is overdue."""
