"""Makes change_points_otava.json: what Apache Otava finds in series of 365 values.

pip install apache-otava==0.8.0; python change_points_otava.py > change_points_otava.json
"""

import json
import random

from otava.analysis import compute_change_points

LENGTH = 365
# window, p_max, magnitude_min
SETTINGS = [
    (50, 0.001, 0.0),
    (30, 0.001, 0.0),
    (30, 0.01, 0.0),
    (20, 0.05, 0.0),
    (10, 0.1, 0.0),
    (100, 0.0001, 0.0),
    (50, 0.01, 0.05),
    (40, 0.05, 0.02),
    (75, 0.00001, 0.0),
    (365, 0.001, 0.01),
    (15, 0.6, 0.1),
    (7, 0.02, 0.0),
]


def stepped(rng, levels, cv):
    """Levels of equal length with normal noise."""
    part = LENGTH / len(levels)
    return [levels[int(i / part)] * (1 + rng.gauss(0, cv)) for i in range(LENGTH)]


def series():
    rng = random.Random(365)
    yield "level, CV 2 %", stepped(rng, [100.0], 0.02)
    yield "three steps of 10 %, CV 3 %", stepped(rng, [100.0, 110.0, 100.0, 90.0], 0.03)
    yield "many small steps, CV 1 %", stepped(rng, [100.0, 102.0, 101.0, 103.0, 99.0, 100.5, 98.0, 98.5], 0.01)
    yield "there and back, CV 5 %", stepped(rng, [100.0, 120.0, 100.0, 125.0, 105.0], 0.05)
    yield "drift of 30 %, CV 2 %", [(100 + 30 * i / LENGTH) * (1 + rng.gauss(0, 0.02)) for i in range(LENGTH)]
    yield "a week's rhythm and a step", [
        (100 + (8 if i % 7 > 4 else 0) + (6 if i > 200 else 0)) * (1 + rng.gauss(0, 0.01)) for i in range(LENGTH)
    ]
    yield "outliers and a step", [
        (200 + (20 if i > 120 else 0)) * (1 + rng.gauss(0, 0.02)) * (1.8 if rng.random() < 0.03 else 1) for i in range(LENGTH)
    ]
    yield "whole numbers, ties", [float(round(v)) for v in stepped(rng, [12.0, 13.0, 12.0, 14.0, 13.0], 0.08)]
    yield "tenths, ties", [round(v, 1) for v in stepped(rng, [5.0, 5.2, 5.1, 4.8], 0.02)]
    yield "shares, mostly zero", [
        rng.choice([0.0, 0.0, 0.001, 0.002]) + (0.004 if 150 < i < 190 else 0.0) for i in range(LENGTH)
    ]
    yield "lognormal, CV 10 %", [
        (80 if i < 90 else 88 if i < 260 else 84) * rng.lognormvariate(0, 0.1) for i in range(LENGTH)
    ]
    walk = [100.0]
    while len(walk) < LENGTH:
        walk.append(walk[-1] * (1 + rng.gauss(0, 0.01)))
    yield "random walk", walk


def found(values, window, p_max, magnitude_min):
    points, _ = compute_change_points(list(values), window, p_max, magnitude_min)
    return {
        "window": window,
        "p_max": p_max,
        "magnitude_min": magnitude_min,
        "indexes": [int(point.index) for point in points],
        "changes": [round(float(point.stats.forward_rel_change()), 9) for point in points],
    }


cases = []
for name, values in series():
    values = [round(value, 6) for value in values]
    cases.append({"name": name, "series": values, "found": [found(values, *setting) for setting in SETTINGS]})
print(json.dumps(cases, indent=None, separators=(",", ":")).replace('},{"name"', '},\n{"name"'))
