"""Compare a study with another study, another machine, or published results."""
