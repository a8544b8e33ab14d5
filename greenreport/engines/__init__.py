"""Load a model and generate, one file per runtime engine; imported only inside worker processes."""
