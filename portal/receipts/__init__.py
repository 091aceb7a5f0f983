"""What a payer keeps: a receipt and a history, on a page and as a file."""
