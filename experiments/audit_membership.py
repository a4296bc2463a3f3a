"""The membership attack of the unlearning literature: can a classifier of confidences tell F from unseen data?"""

import numpy as np

from theory.membership import called_non_members

MOST = 2000  # points of each kind that the attack is trained on: its cost is quadratic


def membership(confidence: np.ndarray, forget: np.ndarray, test_confidence: np.ndarray, seed: int) -> float:
    """Share of the forget set that a confidence attack calls non-member, in percent.

    An SVC with RBF kernel, C = 3 and gamma "auto" learns members (retained points) from non-members (test points)
    by the model's confidence in the right label, with equally many of each.

    Args:
        confidence: σ(margin) of the m training points. forget: mask (m,). test_confidence: of unseen points.
        seed: of the choice of points where there are more of one kind.

    Source: the attack of the public code of Challenging Forgets (arXiv 2403.07362) and its peers.
    """
    members = confidence[~forget]
    draw = np.random.default_rng(seed)
    count = min(len(members), len(test_confidence), MOST)
    inside, outside = (draw.permutation(side)[:count, None] for side in (members, test_confidence))
    return called_non_members(inside, outside, confidence[forget][:, None])
