"""Record traces of power, energy and utilisation, one file per instrument."""
