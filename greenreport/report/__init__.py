"""Charts, pages and files made from the answers of studies."""
