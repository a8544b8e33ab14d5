"""Results that other tools wrote: recognised, mapped to metrics and factors, and read as columns."""
