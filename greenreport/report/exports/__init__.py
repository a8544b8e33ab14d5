"""What is taken away from a site: labels, cards, badges, citations, LaTeX, tables, archives, single files."""
