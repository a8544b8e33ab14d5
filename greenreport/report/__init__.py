"""From answers to charts, pages and files."""
