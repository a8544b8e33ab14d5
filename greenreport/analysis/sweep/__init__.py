"""Series of a load factor: saturation, capacity and the throughput frontier."""
