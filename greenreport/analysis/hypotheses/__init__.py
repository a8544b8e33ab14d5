"""From observations to tests, findings, answers, claims and guidelines."""
