"""The shared task of the training bench: which of eight products is taken next, by 40 features of 120,000 customers.

28 skewed numbers, 8 counts and 4 categories hang together through five hidden traits; the eight classes follow from them
in crooked ways (windows, either-or, products), with noise, and one label in 25 is drawn at random. Who knew the rules
would be right for 79 of 100. `python task.py FOLDER` writes the rows as little-endian numbers; the same ones every time.
"""

import sys
from pathlib import Path

import numpy as np

SEED = 20240613
TRAIN, TEST, CLASSES = 100_000, 20_000, 8
ROWS = TRAIN + TEST
PRIOR = np.array([0.24, 0.20, 0.15, 0.12, 0.10, 0.09, 0.06, 0.04])

random = np.random.Generator(np.random.PCG64(SEED))
wealth, activity, age, digital, risk = random.standard_normal((ROWS, 5)).T
columns, hidden, names = [], {}, []


def mix(*weighted):
    """A trait of unit variance that hangs together with others."""
    total = sum(weight * trait for weight, trait in weighted)
    rest = np.sqrt(max(0.05, 1 - sum(weight * weight for weight, _ in weighted)))
    return total + rest * random.standard_normal(ROWS)


def add(name, trait, values):
    columns.append(values)
    hidden[name] = trait
    names.append(name)


def number(name, weighted, of_trait):
    trait = mix(*weighted)
    add(name, trait, np.round(of_trait(trait), 2))


def skewed(location, scale, above=None):
    """A heavy right tail; nothing for those whose trait is no higher than `above`."""
    if above is None:
        return lambda trait: np.exp(location + scale * trait)
    return lambda trait: np.where(trait > above, np.exp(location + scale * trait), 0)


def count(name, weighted, base, scale, finish=lambda counts: counts):
    trait = mix(*weighted)
    drawn = random.poisson(np.minimum(base * np.exp(scale * trait), 200)).astype(float)
    add(name, trait, finish(drawn))


def category(name, weighted, shares, shift):
    trait = mix(*weighted)
    shares = np.asarray(shares) / np.sum(shares)
    slopes = np.linspace(-1, 1, len(shares))
    scores = np.log(shares)[None, :] + shift * trait[:, None] * slopes[None, :]
    add(name, trait, np.argmax(scores + random.gumbel(size=(ROWS, len(shares))), 1).astype(float))


def features():
    number("age", [(0.6, age)], lambda z: 18 + 72 / (1 + np.exp(-0.9 * z)))
    number("income", [(0.8, wealth)], skewed(10.3, 0.6))
    number("bal_current", [(0.7, wealth), (0.2, age)], skewed(7.2, 1.3))
    number("bal_savings", [(0.6, wealth), (0.4, age)], skewed(7.5, 1.6, above=-0.4))
    number("tenure_years", [(0.5, age)], skewed(1.4, 0.9))
    number("card_spend_3m", [(0.6, activity), (0.4, wealth)], skewed(6.8, 1.1))
    number("card_spend_12m", [(0.6, activity), (0.4, wealth)], skewed(8.2, 1.1))
    number("ecom_spend", [(0.6, activity), (0.3, digital)], skewed(5.5, 1.2, above=-0.8))
    number("travel_spend", [(0.4, activity), (0.3, wealth)], skewed(5.9, 1.2, above=0.1))
    number("grocery_spend", [(0.5, activity)], skewed(5.8, 0.7))
    number("atm_cash", [(0.3, activity), (-0.3, wealth)], skewed(5.2, 1.0, above=-0.3))
    number("overdraft_days", [(0.7, risk)], skewed(1.0, 1.1, above=0.3))
    number("credit_util", [(0.7, risk), (-0.3, wealth)], lambda z: 1 / (1 + np.exp(-1.2 * z + 0.5)) * 100)
    number("credit_score", [(-0.7, risk), (0.3, age)], lambda z: 650 + 90 * np.tanh(z / 1.5) + 25 * z)
    number("loan_outstanding", [(0.5, wealth), (0.3, risk)], skewed(8.2, 1.2, above=0.2))
    number("mortgage_outstanding", [(0.5, wealth), (0.3, age)], skewed(10.5, 0.7, above=0.5))
    number("invest_value", [(0.6, wealth)], skewed(8.5, 1.1, above=0.6))
    number("inflow_avg", [(0.4, wealth), (0.3, activity)], skewed(7.6, 0.8))
    number("outflow_avg", [(0.3, wealth), (0.5, activity)], skewed(7.5, 0.8))
    number("inflow_cv", [(0.4, risk)], skewed(-0.6, 0.7))
    number("app_minutes", [(0.8, digital)], skewed(3.1, 1.1, above=-0.7))
    number("email_open_rate", [(0.3, digital)], lambda z: 100 / (1 + np.exp(-1.1 * z + 1)))
    number("recency_days", [(0.3, activity)], skewed(1.8, -1.0))
    number("fx_spend", [(0.2, wealth)], skewed(5.2, 1.1, above=0.8))
    number("insurance_prem", [(0.5, age), (0.3, wealth)], skewed(5.4, 0.8, above=-0.1))
    number("util_bills", [(0.2, activity)], skewed(5.1, 0.5))
    number("branch_distance", [], skewed(1.5, 0.9))
    number("area_index", [], skewed(4.6, 0.25))
    count("n_products", [(0.6, wealth), (0.3, age)], 1.2, 0.5, lambda n: np.minimum(1 + n, 9))
    count("n_dependents", [(0.4, age)], 0.8, 0.5, lambda n: np.minimum(n, 6))
    count("n_logins_30d", [(0.8, digital)], 8, 0.7)
    count("n_branch_visits", [(-0.4, digital)], 0.7, 0.6)
    count("n_card_tx_30d", [(0.7, activity)], 15, 0.6)
    count("n_late_12m", [(0.6, risk)], 0.5, 0.9)
    count("n_offers_seen", [(0.2, digital)], 2.5, 0.4)
    count("n_service_calls", [(0.3, activity)], 0.9, 0.7)
    category("region", [], [5, 9, 4, 7, 3, 6, 2, 8, 4, 3], 0.0)
    category("occupation", [(0.6, wealth)], [3, 8, 6, 5, 4, 2, 1], 1.0)
    category("channel", [(0.6, digital)], [2, 3, 4, 2], 1.0)
    category("marital", [(0.5, age)], [5, 6, 2, 1], 0.8)
    return np.stack(columns, 1)


def utilities(rows):
    """How much each product appeals to each customer, but for its popularity."""

    def seen(name):
        return rows[:, names.index(name)]

    def bump(values, centre, width):
        return np.exp(-(((values - centre) / width) ** 2))

    def holds(condition):
        return condition.astype(float)

    z = hidden
    own, income, savings, current = z["age"], z["income"], z["bal_savings"], z["bal_current"]
    overdraft, usage, score = z["overdraft_days"], z["credit_util"], z["credit_score"]
    logins, app, travel, abroad = np.log1p(seen("n_logins_30d")) - 2.0, z["app_minutes"], z["travel_spend"], z["fx_spend"]
    online, invested, mortgage, loan = z["ecom_spend"], z["invest_value"], z["mortgage_outstanding"], z["loan_outstanding"]
    late, held, children = seen("n_late_12m"), seen("n_products"), seen("n_dependents")
    job, region, channel, marital = (seen(name).astype(int) for name in ["occupation", "region", "channel", "marital"])
    inflow, outflow, unsteady = z["inflow_avg"], z["outflow_avg"], z["inflow_cv"]
    tenure, insured = z["tenure_years"], z["insurance_prem"]
    u = np.zeros((ROWS, CLASSES))
    # A savings account: middle income with little saved, or young and digital.
    u[:, 0] = (2.2 * bump(income, -0.2, 0.8) * holds(savings < -0.2) + 1.6 * holds((own < -0.5) & (logins > 0.1))
               - 1.2 * holds(held > 4) + 0.9 * holds(np.isin(region, [1, 4, 7])) * holds(current > 0))
    # A credit card: either a good score or much of the credit used.
    u[:, 1] = (2.3 * holds((score > 0) ^ (usage > 0.3)) + 1.0 * np.tanh(online * income)
               + 1.2 * bump(outflow - inflow, 0.3, 0.6) - 0.8 * holds(late > 1))
    # A personal loan: usage in the middle and never late, or overdrawn with a steady income.
    u[:, 2] = (2.6 * bump(usage, 0.4, 0.5) * holds(late == 0) + 2.0 * holds((overdraft > 0.5) & (unsteady < 0))
               - 1.3 * holds(loan > 0.6) + 0.8 * holds(job == 1))
    # A mortgage: the right age and income, and a family.
    u[:, 3] = (3.6 * bump(own, 0.0, 0.6) * holds(income > 0) * holds(mortgage < 0.5)
               + 1.3 * holds((children > 0) & (children < 4) & (marital == 1)) - 1.0 * holds(score < -0.6))
    # An investment: savings, and an app in use.
    u[:, 4] = (2.8 * holds(savings > 0.5) * holds(invested < 0.6) + 1.5 * np.tanh(savings * app)
               + 1.2 * holds(np.isin(job, [4, 6])) * holds(income > 0.2) - 0.9 * bump(own, -1.2, 0.6))
    # An insurance: a family without one, or old and long with the bank.
    u[:, 5] = (2.8 * holds((children > 0) & (insured < -0.1)) + 1.8 * holds((own > 0.6) & (tenure > 0.2))
               + 1.0 * holds((channel == 0) ^ (marital == 2)) - 0.9 * holds(income < -1))
    # A premium account: either travel or spending abroad, with a high income.
    u[:, 6] = (2.6 * holds((travel > 0.3) ^ (abroad > 0.6)) * holds(income > -0.3) + 1.6 * bump(current, 1.0, 0.7)
               + 0.9 * holds(np.isin(region, [0, 2, 5])) * holds(app > 0))
    # A line of credit: unsteady inflow and much outflow.
    u[:, 7] = (3.2 * holds((unsteady > 0.4) & (outflow > 0.1)) + 1.5 * np.tanh(-inflow * unsteady)
               + 1.3 * holds(job == 3) * holds(tenure < 0.3))
    return u * 1.55


def softmax(scores):
    scores = np.exp(scores - scores.max(1, keepdims=True))
    return scores / scores.sum(1, keepdims=True)


def labels(rows):
    u = utilities(rows)
    popularity = np.zeros(CLASSES)
    for _ in range(200):
        popularity += 0.7 * np.log(PRIOR / softmax(u + popularity).mean(0))
    chosen = np.argmax(u + popularity + 0.5 * random.gumbel(size=(ROWS, CLASSES)), 1)
    return np.where(random.random(ROWS) < 0.04, random.choice(CLASSES, size=ROWS, p=PRIOR), chosen)


def write(folder):
    rows = features()
    taken = labels(rows)
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in [("train", slice(None, TRAIN)), ("test", slice(TRAIN, None))]:
        rows[part].astype("<f4").tofile(folder / f"X_{name}.f32")
        taken[part].astype("<i4").tofile(folder / f"y_{name}.i32")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
