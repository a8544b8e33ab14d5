"""Results of a study in the formats that other programs, catalogues and archives read (docs/exports.md)."""
