"""From run records and imported tables to observations: one value of one metric of one run, or the reason why there is none."""
