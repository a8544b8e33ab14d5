"""From records to observations, statistics, answers and guidelines; pure functions."""
