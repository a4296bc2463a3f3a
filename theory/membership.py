"""Membership inference by confidence: the five attacks of the literature on a network's probabilities.

Each attack reduces a sample to one number, or for "probabilities" to the whole vector, fits a support vector classifier
to retained (members) against test samples (non-members), and says of each forgotten sample which it looks like. The
reported efficacy is the share called non-member: 100 where forgetting is complete as far as the attack can see.

Source: Song & Mittal 2021 (arXiv 2003.10595) for the modified entropy; the set of five and the classifier (RBF,
C = 3, gamma "auto") as in WC's experiments (arXiv 2403.07362).
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Int

Probabilities = Float[np.ndarray, "N c"]
Labels = Int[np.ndarray, " N"]

_TINY = 1e-30  # a probability of 0 counts as this in logarithms


def correctness(p: Probabilities, y: Labels) -> Float[np.ndarray, "N 1"]:
    """1 where the label has the largest probability."""
    return (np.argmax(p, axis=1) == y).astype(float)[:, None]


def confidence(p: Probabilities, y: Labels) -> Float[np.ndarray, "N 1"]:
    """The label's probability."""
    return p[np.arange(len(y)), y][:, None]


def entropy(p: Probabilities, y: Labels) -> Float[np.ndarray, "N 1"]:
    """−Σ p log p. It does not look at the label."""
    return -np.sum(p * np.log(np.maximum(p, _TINY)), axis=1, keepdims=True)


def modified_entropy(p: Probabilities, y: Labels) -> Float[np.ndarray, "N 1"]:
    """−(1 − p_y) log p_y − Σ_{i ≠ y} p_i log(1 − p_i): 0 for a certain right answer, large for a wrong one."""
    rows = np.arange(len(y))
    own = p[rows, y]
    others = p * np.log(np.maximum(1.0 - p, _TINY))
    others[rows, y] = 0.0
    return (-(1.0 - own) * np.log(np.maximum(own, _TINY)) - np.sum(others, axis=1))[:, None]


def probabilities(p: Probabilities, y: Labels) -> Probabilities:
    """The whole vector."""
    return p


ATTACKS: dict[str, Callable[[Probabilities, Labels], np.ndarray]] = {
    "correctness": correctness,
    "confidence": confidence,
    "entropy": entropy,
    "modified_entropy": modified_entropy,
    "probabilities": probabilities,
}


def membership_efficacy(
    retained: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    forgotten: tuple[np.ndarray, np.ndarray],
    seed: int = 0,
    limit: int = 2000,
    attacks: Sequence[str] = tuple(ATTACKS),
) -> dict[str, float]:
    """Share of forgotten samples called non-members by each attack, in percent.

    Args:
        retained, test, forgotten: probabilities (N, classes) and labels (N,) of each set under one network.
        seed: of the choice of equally many retained and test samples. limit: of that number, for the classifier's cost.
        attacks: which of ATTACKS to make.

    Raises:
        ValueError: an empty set, shapes that do not match, or rows that are not probabilities.
    """
    for name, (p, y) in (("retained", retained), ("test", test), ("forgotten", forgotten)):
        if p.ndim != 2 or len(p) != len(y) or not len(y):
            raise ValueError(f"{name}: expected probabilities (N, classes) and N labels, got {p.shape} and {y.shape}")
        if not np.allclose(p.sum(axis=1), 1.0, atol=1e-4) or p.min() < 0.0:
            raise ValueError(f"{name}: expected rows of probabilities that sum to 1, got a sum of {p.sum(axis=1)[0]:g}")
    count = min(len(retained[1]), len(test[1]), limit)
    rng = np.random.default_rng(seed)
    members, others = (rng.choice(len(side[1]), count, replace=False) for side in (retained, test))
    found = {}
    for name in attacks:
        attack = ATTACKS[name]
        inside = attack(retained[0][members], retained[1][members])
        outside = attack(test[0][others], test[1][others])
        found[name] = called_non_members(inside, outside, attack(*forgotten))
    return found


def called_non_members(
    members: Float[np.ndarray, "N k"], others: Float[np.ndarray, "N k"], asked: Float[np.ndarray, "F k"]
) -> float:
    """Share of the rows ``asked`` that the classifier, told members from as many others, calls non-members; percent."""
    from sklearn.svm import SVC

    classifier = SVC(C=3.0, gamma="auto", kernel="rbf")
    classifier.fit(np.concatenate([members, others]), np.repeat([1, 0], len(members)))
    return 100.0 * float(np.mean(classifier.predict(asked) == 0))
