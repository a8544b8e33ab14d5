"""The content of ``findings.json``: all results of a study as plain values with stable names (docs/findings.md)."""
