"""What is injected, and how often."""

# The cut-off whose features and labels are compared: the last one with known labels.
CUTOFF = "2026-04-01"
# The customers of each bank that stand for the reference, and those that stand for today.
REFERENCE, CURRENT = "0..2000", "2000..4000"
# Banks without any drift.
SEEDS = range(1, 201)
# Banks with each drift.
DRIFT_SEEDS = range(1, 21)
# Where Evidently's tests, called one by one, are compared with its whole report: in the first bank.
REPORTED = ["none", "mean_shift=0.5", "category_mix=0.3", "missingness=0.2"]
# A drift changes a feature where it changes it in this share of the rows. (With other openings after the cut-off, other values
# are missing before it: a few rows differ.)
LEAST_CHANGED = 0.02

# Kinds that change records act all along: every customer's rows are recorded differently from the first day on. The last two
# change what customers do after the cut-off and leave all features alone.
DRIFTS = {
    "mean_shift": ["0.05", "0.15", "0.5"],
    "scale": ["0.05", "0.15", "0.5"],
    "category_mix": ["0.1", "0.3", "0.7"],
    "missingness": ["0.05", "0.2", "0.5"],
    "label_shift": [f"0.5@{CUTOFF}", f"1@{CUTOFF}", f"3@{CUTOFF}"],
    "concept_shift": [f"0.3@{CUTOFF}", f"0.6@{CUTOFF}", f"1@{CUTOFF}"],
}
SCENARIOS = [f"{kind}={size}" for kind, sizes in DRIFTS.items() for size in sizes]
NO_DRIFT = "none"
