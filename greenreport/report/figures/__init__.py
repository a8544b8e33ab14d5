"""The figures of a study, one file per subject: rows, Vega-Lite specification and sentences stand together."""
