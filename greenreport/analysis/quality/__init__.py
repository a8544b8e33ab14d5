"""Whether the answers are right: shares over problems, what a right answer costs, and which configurations lose too many."""
