"""The FT claims' instances over the rationals, and their models without rounding."""

import random
from fractions import Fraction
from functools import cached_property, lru_cache

from theory.claim import Sizes
from theory.solvers import rational
from theory.solvers.rational import ZERO, Matrix, MatrixMaker, rational_matrix

ENTRIES = tuple(Fraction(n, d) for d in range(1, 6) for n in range(-9, 10))


class RationalProblem:
    """Random rational regression with column supports; models and projections of it are computed on first use.

    Args:
        sizes: rows r and f, columns a, b, c, each ≥ 0, at least one row and column a side.
        seed: the instance is a function of it and of the sizes. matrix: the arithmetic, see
            :mod:`theory.solvers.rational`. noise: whether y = X w* + e; then
            ``noise``, ``direction`` and ``ridge`` are drawn too.

    Ranks are whatever the draw gives; no identity of F1 to F4 needs full row rank.
    """

    def __init__(self, sizes: Sizes, seed: int, matrix: MatrixMaker = rational_matrix, noise: bool = False) -> None:
        r, f, a, b, c = (sizes[name] for name in "rfabc")
        rng = random.Random(seed)
        self.matrix, self.d, self.m = matrix, a + b + c, r + f
        self.retained, self.forgotten = range(r), range(r, r + f)
        self.subset = [i for i in range(max(r - 1, 1)) if i == 0 or rng.random() < 0.5]
        self.retained_only, self.overlap, self.forget_only = range(a), range(a, a + b), range(a + b, self.d)
        self.distinct, self.full_overlap = b == 0, a == 0 and c == 0

        def draw() -> Fraction:
            return ENTRIES[int(rng.random() * len(ENTRIES))]

        rows = [[draw() if (j < a + b if i < r else j >= a) else ZERO for j in range(self.d)] for i in range(self.m)]
        self.X = matrix(rows)
        self.w_star = matrix([[draw()] for _ in range(self.d)])
        self.y = self.X * self.w_star
        if noise:
            self.noise = matrix([[draw()] for _ in range(self.m)])
            self.direction = matrix([[draw()] for _ in range(self.d)])  # picks an interpolant
            self.ridge = abs(draw()) + 1
            self.y = self.y + self.noise

    def fit_noise(self) -> None:
        """Replace the noise by its projection onto the column space of X, so that some w fits all labels.

        The draw may lack full row rank, with which every label could be fitted. Call before the models.
        """
        self.noise = self.X * rational.least_norm(self.X, self.noise)
        self.y = self.X * self.w_star + self.noise

    @cached_property
    def X_R(self) -> Matrix:
        """Retained rows."""
        return rational.pick_rows(self.X, self.retained)

    @cached_property
    def X_F(self) -> Matrix:
        """Forget rows."""
        return rational.pick_rows(self.X, self.forgotten)

    @cached_property
    def y_R(self) -> Matrix:
        """Retained labels."""
        return rational.pick_rows(self.y, self.retained)

    @cached_property
    def y_F(self) -> Matrix:
        """Forget labels."""
        return rational.pick_rows(self.y, self.forgotten)

    @cached_property
    def inverse_R(self) -> Matrix:
        """X_R⁺."""
        return rational.pseudo_inverse(self.X_R)

    @cached_property
    def pretrained(self) -> Matrix:
        """w_o = X⁺ y."""
        return rational.least_norm(self.X, self.y)

    @cached_property
    def golden(self) -> Matrix:
        """w_g = X_R⁺ y_R."""
        return self.inverse_R * self.y_R

    def split(self, v: Matrix) -> tuple[Matrix, Matrix]:
        """Retained and forget entries of a column with one entry a row."""
        return rational.pick_rows(v, self.retained), rational.pick_rows(v, self.forgotten)

    def scalar(self, value: Fraction, size: int) -> Matrix:
        """value · I of that size."""
        return self.matrix([[value if i == j else ZERO for j in range(size)] for i in range(size)])

    def project_R(self, v: Matrix) -> Matrix:
        """P_R v."""
        return self.inverse_R * (self.X_R * v)

    def on(self, columns: range, v: Matrix) -> Matrix:
        """v on those columns, 0 elsewhere."""
        return _keeping(columns, self.d, self.matrix) * v

    @property
    def retained_columns(self) -> range:
        """Columns that the retained rows use."""
        return range(self.overlap.stop)

    @property
    def forget_columns(self) -> range:
        """Columns that the forget rows use."""
        return range(self.overlap.start, self.d)

    def fine_tuned(self, w: Matrix, subset: bool = False) -> Matrix:
        """Limit of gradient descent from w on the retained rows, or on the subset of them."""
        if not subset:
            return w + self.inverse_R * (self.y_R - self.X_R * w)
        part, target = rational.pick_rows(self.X, self.subset), rational.pick_rows(self.y, self.subset)
        return w + rational.least_norm(part, target - part * w)

    def remaining_loss(self, w: Matrix) -> Matrix:
        """RL(w), a 1×1 matrix."""
        return rational.mean_square(self.X_R * w - self.y_R, self.matrix)

    def unlearning_loss(self, w: Matrix) -> Matrix:
        """UL(w), a 1×1 matrix."""
        return rational.mean_square(self.X_F * w - self.y_F, self.matrix)

    def mean_square(self, v: Matrix) -> Matrix:
        """‖v‖² over the number of entries of v, a 1×1 matrix."""
        return rational.mean_square(v, self.matrix)


@lru_cache(maxsize=64)
def _keeping(columns: range, size: int, matrix: MatrixMaker) -> Matrix:
    return rational.keep_entries(columns, size, matrix)
