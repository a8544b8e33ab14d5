"""Write statistics_cases.json, the inputs of the recorded R outputs: ``python statistics_cases.py > statistics_cases.json``."""

from __future__ import annotations

import json

import numpy as np


def cases() -> dict[str, dict[str, list[float]]]:
    """Return named cases of many shapes; values are rounded, so that JSON holds them exactly."""
    random = np.random.default_rng(20260101)

    def runs(n: int, mean: float, sd: float, digits: int = 4) -> list[float]:
        return [round(float(x), digits) for x in random.normal(mean, sd, n)]

    def skewed(n: int, scale: float, sigma: float) -> list[float]:
        return [round(float(x), 4) for x in scale * np.exp(random.normal(0, sigma, n))]

    return {
        "five_by_ten": {f"g{k}": runs(10, 100 + 3 * k, 2) for k in range(5)},
        "same_population": {f"g{k}": runs(10, 100, 2) for k in range(4)},
        "unequal_sizes": {"a": runs(3, 10, 1), "b": runs(7, 11, 2), "c": runs(12, 9, 0.5), "d": runs(30, 10, 3)},
        "ties": {f"g{k}": runs(8, 20 + k, 1.2, 0) for k in range(4)},
        "heavy_ties": {"a": [1, 1, 1, 1, 2], "b": [1, 1, 2, 2, 2], "c": [1, 2, 2, 3, 3]},
        "three_by_three": {"a": [1.2, 1.5, 1.1], "b": [2.2, 2.9, 2.4], "c": [1.4, 2.1, 1.9]},
        "many_groups": {f"g{k:02d}": runs(6, 50 + 0.5 * k, 1.5) for k in range(20)},
        "skewed": {f"g{k}": skewed(15, 10 * 1.3**k, 0.5) for k in range(4)},
        "heteroscedastic": {f"g{k}": runs(12, 100, 1 + 3 * k) for k in range(4)},
        "large_values": {f"g{k}": runs(9, 1e9 + 2e6 * k, 1e6, 0) for k in range(3)},
        "small_values": {f"g{k}": [x / 2**40 for x in runs(9, 5 + 0.3 * k, 0.4)] for k in range(3)},
        "two_equal": {"a": runs(10, 100, 3), "b": runs(10, 104, 5)},
        "two_unequal": {"a": runs(5, 100, 3), "b": runs(17, 98, 1)},
        "two_ties": {"a": [5, 5, 6, 7, 7, 7, 8], "b": [6, 7, 8, 8, 9, 9, 9]},
        "two_small": {"a": [1.0, 2.0, 4.0], "b": [3.0, 5.0, 6.0, 7.0]},
        "two_large_samples": {"a": runs(60, 10, 1), "b": runs(55, 10.3, 1.2)},
        "two_skewed": {"a": skewed(12, 5, 0.8), "b": skewed(12, 9, 0.8)},
    }


if __name__ == "__main__":
    print(json.dumps(cases(), indent=1))
