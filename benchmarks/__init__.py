"""Figures about greenreport itself: what measuring costs, how fast the statistics are."""
