"""The proof of unsir.noise.well_posed, step by step for a machine; it follows the docstring."""

from theory.claims.lemmas import reals
from theory.obligation import Obligation, uncovered


def well_posed() -> tuple[Obligation, ...]:
    """Bound, coercivity, curvature, uniqueness, descent."""
    return (*_bound(), *_curvature(), *_consequences())


def _bound() -> tuple[Obligation, ...]:
    from sympy import Eq, Ge, Le, sqrt

    sums, squares, t, q, length, W, lam, n = reals("sums squares t q length W lambda n")
    grows, far, least, a = reals("grows far least a")
    penalised = (lam > 0, W >= 0, n >= 0)
    return (
        uncovered("derivatives", "∇CE = Wᵀ(p − e_c), its derivative is Wᵀ(diag p − ppᵀ)W, and the mean value theorem"),
        Obligation(
            "stationary",
            "∇J(N) = −Wᵀ(p − e_c) + 2λN = 0 is N = T(N), component by component, a one of Wᵀ(p − e_c)",
            Eq(n, a / (2 * lam)),
            (lam > 0, Eq(-a + 2 * lam * n, 0)),
            ("derivatives",),
        ),
        Obligation(
            "other probabilities",
            "Σ_{j≠c} p_j² ≤ (Σ_{j≠c} p_j)²: one more class",
            Le(squares + t**2, (sums + t) ** 2),
            (sums >= 0, t >= 0, Le(squares, sums**2)),
        ),
        Obligation(
            "error signal",
            "‖p − e_c‖ ≤ √2(1 − p_c), q = 1 − p_c the sum of the others",
            Le(length, sqrt(2) * q),
            (q >= 0, length >= 0, Eq(length**2, q**2 + squares), Le(squares, q**2)),
            ("other probabilities",),
        ),
        Obligation(
            "bound",
            "2λ‖N‖ = ‖Wᵀ(p − e_c)‖ ≤ ‖W‖ √2 q ≤ √2‖W‖",
            Le(n, sqrt(2) * q * W / (2 * lam)) & Le(sqrt(2) * q * W / (2 * lam), sqrt(2) * W / (2 * lam)),
            (*penalised, q >= 0, q <= 1, Le(2 * lam * n, W * length), Le(length, sqrt(2) * q)),
            ("stationary", "error signal"),
        ),
        Obligation(
            "coercive",
            "CE(x) − CE(0) ≤ √2‖W‖‖x‖: J(x) − J(0) ≥ λ‖x‖² − √2‖W‖‖x‖",
            Ge(lam * n**2 - grows, lam * n**2 - sqrt(2) * W * n),
            (*penalised, Le(grows, length * W * n), length >= 0, Le(length, sqrt(2))),
            ("derivatives", "error signal"),
        ),
        Obligation(
            "far points are worse",
            "beyond ‖x‖ = far = √2‖W‖/λ J is at least J(0)",
            Ge(least, 0),
            (*penalised, Ge(least, lam * n**2 - sqrt(2) * W * n), Eq(lam * far, sqrt(2) * W), n >= far),
            ("coercive",),
        ),
        uncovered("minimiser", "a continuous J has a least value on the ball of that radius, and nowhere a lower one"),
    )


def _curvature() -> tuple[Obligation, ...]:
    from sympy import Eq, Ge, Le

    p, v, low, high, total, mass, mean, second = reals("p v low high total mass mean second")
    spread, squares, lam, W, form, length, image = reals("spread squares lambda W form length image")
    middle = (low + high) / 2
    return (
        Obligation(
            "deviation from the middle",
            "Σ p_j(v_j − middle)² ≤ ((max − min)/2)²: one more class",
            Le(total + p * (v - middle) ** 2, (mass + p) * ((high - low) / 2) ** 2),
            (p >= 0, v >= low, v <= high, Le(total, mass * ((high - low) / 2) ** 2)),
        ),
        Obligation(
            "variance",
            "Σ p v² − (Σ p v)² ≤ Σ p_j(v_j − m)² = Σ p v² − 2mΣ p v + m²",
            Le(second - mean**2, second - 2 * middle * mean + middle**2),
        ),
        Obligation(
            "at most half the length",
            "((max − min)/2)² ≤ (max² + min²)/2 ≤ ‖v‖²/2",
            Le(spread, squares / 2),
            (Le(spread, ((high - low) / 2) ** 2), Ge(squares, high**2 + low**2)),
            ("deviation from the middle", "variance"),
        ),
        Obligation(
            "second derivative",
            "v = Wh: hᵀ∇²Jh = 2λ‖h‖² − variance lies between (2λ − ‖W‖²/2)‖h‖² and 2λ‖h‖²",
            Ge(form, (2 * lam - W**2 / 2) * length) & Le(form, 2 * lam * length),
            (
                *(length >= 0, spread >= 0, Eq(form, 2 * lam * length - spread)),
                *(Le(spread, image / 2), Le(image, W**2 * length)),
            ),
            ("derivatives", "at most half the length"),
        ),
    )


def _consequences() -> tuple[Obligation, ...]:
    from sympy import Eq, Ge, Le

    lam, W, D, moved, p_moved, J, J_N, slope = reals("lambda W D moved p_moved J J_N slope")
    value, below, size, gain, rest = reals("value below size gain rest")
    penalised = (lam > 0, W >= 0, D >= 0)
    return (
        Obligation(
            "contraction",
            "‖p(x) − p(y)‖ ≤ ½‖W‖‖x − y‖: ‖T(x) − T(y)‖ ≤ ‖W‖²/(4λ) ‖x − y‖",
            Le(moved, W**2 / (4 * lam) * D),
            (*penalised, Le(2 * lam * moved, W * p_moved), Le(p_moved, W * D / 2)),
            ("derivatives", "at most half the length"),
        ),
        Obligation(
            "unique",
            "two stationary points are D = ‖T(N) − T(N′)‖ apart: D = 0 where 2λ > ‖W‖²/2",
            Eq(D, 0),
            (*penalised, 2 * lam > W**2 / 2, Le(D, W**2 / (4 * lam) * D)),
            ("contraction", "stationary"),
        ),
        Obligation(
            "curvature",
            "Taylor from N, ∇J(N) = 0: J(x) − J(N) ≥ (λ − ‖W‖²/4)‖x − N‖²",
            Ge(J - J_N, (lam - W**2 / 4) * D**2),
            (*penalised, Eq(slope, 0), Ge(J - J_N, slope + (2 * lam - W**2 / 2) * D**2 / 2)),
            ("second derivative",),
        ),
        Obligation(
            "descent",
            "J(y) ≤ J(x) + ⟨∇J, y − x⟩ + λ‖y − x‖², y − x = −∇J/(2λ): J(T(x)) ≤ J(x) − λ‖x − T(x)‖²",
            Le(value, below - lam * size**2),
            (lam > 0, Le(value, below + gain + lam * size**2), Eq(gain, -2 * lam * rest), Eq(rest, size**2)),
            ("second derivative",),
        ),
    )
