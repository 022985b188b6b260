"""Writes statistics.json: what SciPy and statsmodels say of the statistics that orch-eval computes itself.

    pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0
    python statistics.py > statistics.json
"""

import json
import math

import numpy as np
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint


def wilson():
    for count, total in [(0, 10), (7, 10), (10, 10), (450, 500), (1, 3), (9_417, 10_000)]:
        low, high = proportion_confint(count, total, method="wilson")
        yield {"count": count, "total": total, "low": max(low, 0.0), "high": min(high, 1.0)}


def mid_p():
    for fixed, broken in [(0, 1), (1, 0), (2, 8), (5, 5), (12, 27), (100, 140), (0, 15), (400, 480)]:
        n, least = fixed + broken, min(fixed, broken)
        exact = min(1.0, 2 * stats.binom.cdf(least, n, 0.5))
        p = 1.0 if fixed == broken else exact - stats.binom.pmf(least, n, 0.5)
        yield {"fixed": fixed, "broken": broken, "p": p}


def holm():
    for p_values in [[0.01, 0.04, 0.03], [0.5], [0.001, 0.001, 0.9, 0.04, 0.2], [0.04] * 4]:
        yield {"p_values": p_values, "adjusted": multipletests(p_values, method="holm")[1].tolist()}


def power(n, loss, flips):
    """The chance that the mid-p test at 5 % sees the loss, over every number of flips and how they fall."""
    down, found = (flips + loss) / 2, 0.0
    for flipped in range(n + 1):
        chance = stats.binom.pmf(flipped, n, flips)
        if chance < 1e-12:
            continue
        broken = np.arange(flipped + 1)
        least = np.minimum(broken, flipped - broken)
        p = 2 * stats.binom.cdf(least, flipped, 0.5) - stats.binom.pmf(least, flipped, 0.5)
        p[2 * broken == flipped] = 1.0
        found += chance * stats.binom.pmf(broken, flipped, down / flips)[p <= 0.05].sum()
    return found


def needed():
    for loss, flips in [(0.02, 0.04), (0.02, 0.06), (0.05, 0.1), (0.01, 0.03)]:
        z = stats.norm.ppf(0.975) * math.sqrt(flips) + stats.norm.ppf(0.8) * math.sqrt(flips - loss**2)
        n = math.ceil((z / loss) ** 2)
        yield {"loss": loss, "flips": flips, "cases": n, "power": power(n, loss, flips)}


def clustered():
    random = np.random.default_rng(7)
    for clusters, size in [(60, 5), (200, 3)]:
        lean = random.normal(0, 0.5, clusters)
        values = (random.random((clusters, size)) < 1 / (1 + np.exp(-0.3 - 2 * lean[:, None]))).astype(float)
        flat = values.ravel()
        groups = np.repeat(np.arange(clusters), size)
        model = sm.OLS(flat, np.ones_like(flat)).fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False})
        yield {"clusters": groups.tolist(), "values": flat.tolist(), "mean": float(model.params[0]), "error": float(model.bse[0])}


def area():
    random = np.random.default_rng(8)
    negatives, positives = random.normal(0, 1, 40).round(1), random.normal(0.7, 1, 60).round(1)
    u = stats.mannwhitneyu(positives, negatives).statistic
    yield {"negatives": negatives.tolist(), "positives": positives.tolist(), "under_the_curve": u / (40 * 60)}


print(json.dumps({f.__name__: list(f()) for f in (wilson, mid_p, holm, needed, clustered, area)}))
