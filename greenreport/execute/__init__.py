"""Perform pending runs: preparation, processes, the protocol, the model server."""
