"""Figures about greenreport itself: they print ratios and are never part of the tests. ``python -m benchmarks`` runs all."""
