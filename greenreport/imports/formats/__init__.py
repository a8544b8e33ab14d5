"""One file for each kind of result file."""
