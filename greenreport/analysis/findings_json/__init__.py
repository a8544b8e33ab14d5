"""The content of ``findings.json``: everything a study found, as plain values with stable names (docs/findings.md)."""
