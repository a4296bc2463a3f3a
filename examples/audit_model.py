"""Audit a fitted scikit-learn classifier: ``python examples/audit_model.py``."""

import forgetproof

forgetproof.start_jax()  # float64; before JAX's first array
from sklearn.datasets import load_digits  # noqa: E402
from sklearn.svm import LinearSVC  # noqa: E402

X, y = load_digits(n_class=2, return_X_y=True)
X = X / 16.0
model = LinearSVC(C=1e4, max_iter=100_000).fit(X[:60], y[:60])

found = forgetproof.audit(model, X[:60], y[:60], forget=[3, 17, *range(20, 26)], test=(X[60:], y[60:]))
for entry in found.record["methods"]:
    says = f"ε = {entry['epsilon']:.2g}, δ = {entry['delta']:.2g}" if entry["feasible"] else "no certificate"
    print(f"{entry['name']:17} {says}; 1 - cos to retraining {entry['direction_gap']:.1e}")
for row in found.record["hypotheses"]:
    if row["holds"] is False:
        print(f"{row['theorem']} fails: {row['statement']} (measured {row['measured']:.3g}, needed {row['needed']})")
