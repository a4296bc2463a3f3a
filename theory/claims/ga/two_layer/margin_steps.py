"""The proof of ga.two_layer.margin_drift and the counterexample to ga.two_layer.ascent_keeps_classes, for a machine."""

from theory.claims.lemmas import reals, sum_of_absolutes
from theory.obligation import Obligation


def margin_drift() -> tuple[Obligation, ...]:
    """One neuron, all neurons, all forgotten points, and the case of equality."""
    from sympy import Abs, Eq, Ge, Le, Max, Min

    z, b, y, u, q, before, after = reals("z b y u q before after")
    fall, rise, lam, s, g, total, sizes, squares = reals("fall rise lam s g total sizes squares")
    M, M_new, alpha, part, drift = reals("M M_new alpha part drift")
    move = y * u * (Max(z - u * y * q, 0) - Max(z, 0))
    one = Eq(y**2, 1)
    return (
        Obligation(
            "slope of ReLU",
            "σ(z + b) − σ(z) = θb with 0 ≤ θ ≤ 1: it lies between min(b, 0) and max(b, 0)",
            Le(Min(b, 0), Max(z + b, 0) - Max(z, 0)) & Le(Max(z + b, 0) - Max(z, 0), Max(b, 0)),
        ),
        Obligation(
            "one neuron",
            "y u(σ(z − u y q) − σ(z)) lies between −u² max(q, 0) and u² max(−q, 0)",
            Le(-(u**2) * Max(q, 0), move) & Le(move, u**2 * Max(-q, 0)),
            (one,),
            ("slope of ReLU",),
        ),
        Obligation(
            "fall and rise",
            "−Σ u_j²(q)₊ ≤ M′ − M ≤ Σ u_j²(−q)₊: one more neuron",
            Le(-(fall + u**2 * Max(q, 0)), after + before) & Le(after + before, rise + u**2 * Max(-q, 0)),
            (Le(-fall, after), Le(after, rise), Le(-(u**2) * Max(q, 0), before), Le(before, u**2 * Max(-q, 0))),
            ("one neuron",),
        ),
        sum_of_absolutes(),
        Obligation(
            "drift",
            "u²|q| ≤ Σ_F λ_l|⟨x_l, x_i⟩| u² s: one more forgotten point",
            Le(u**2 * Abs(q + lam * s * g), total + lam * Abs(g) * u**2 * s),
            (lam >= 0, s >= 0, Le(u**2 * Abs(q), total)),
            ("absolute value of a sum",),
        ),
        Obligation(
            "sides of the drift",
            "(q)₊ and (−q)₊ are at most |q|",
            Le(Max(q, 0), Abs(q)) & Le(Max(-q, 0), Abs(q)),
        ),
        Obligation(
            "subgradients",
            "Σ u_j² s_j ≤ ‖u‖² for 0 ≤ s ≤ 1: one more neuron",
            Le(part + u**2 * s, squares + u**2),
            (s <= 1, Le(part, squares)),
        ),
        Obligation(
            "reach",
            "Σ_F λ_l|⟨x_l, x_i⟩| Σ u²s ≤ ‖u‖² Σ_F λ_l|⟨x_l, x_i⟩|: one more forgotten point",
            Le(total + lam * Abs(g) * part, squares * (sizes + lam * Abs(g))),
            (lam >= 0, Le(part, squares), Le(total, squares * sizes)),
            ("subgradients", "drift"),
        ),
        Obligation(
            "feasibility",
            "|M′ − M| ≤ α and M ≥ 1: M′ ≥ 1 − α",
            Ge(M_new, 1 - alpha),
            (M >= 1, Le(Abs(M_new - M), drift), drift <= alpha),
            ("fall and rise", "drift", "sides of the drift", "reach"),
        ),
        Obligation(
            "attained",
            "a neuron that stays active moves the margin by −u²q exactly",
            Eq(move, -(u**2) * q),
            (one, z >= 0, z - u * y * q >= 0),
        ),
    )


def ascent_keeps_classes() -> tuple[Obligation, ...]:
    """The counterexample, number by number: an exact Clarke-KKT point, and a retained point misclassified."""
    from sympy import Eq, ImmutableMatrix, Le, Lt, Max, Rational

    half = Rational(1, 2)
    X, W = ImmutableMatrix([[half, 3 * half], [1, 0], [0, 1]]), ImmutableMatrix([[0, 1], [1, 0]])
    Z, t = ImmutableMatrix([[3 * half, half], [0, 1], [1, 0]]), ImmutableMatrix([[0, 0], [0, 1], [1, 0]])
    u, y, lam = ImmutableMatrix([1, -1]), ImmutableMatrix([1, -1, 1]), ImmutableMatrix([0, 1, 1])
    signs = ImmutableMatrix(3, 2, lambda i, j: y[i] * u[j] * t[i, j])
    removed = ImmutableMatrix(2, 2, lambda j, k: signs[2, j] * X[2, k])
    after = ImmutableMatrix([[0, 0], [1, 0]])
    a, b, M = reals("a b M")

    def same(lhs: object, rhs: object) -> object:
        return Eq(lhs, rhs, evaluate=False)

    def margin(label: int, first: object, second: object) -> tuple[object, ...]:
        return Eq(a, first), Eq(b, second), Eq(M, label * (Max(a, 0) - Max(b, 0)))

    return (
        Obligation("pre-activations", "XWᵀ", same(X * W.T, Z)),
        Obligation("margin of x₁", "M₁ = 3/2 − 1/2 = 1", Eq(M, 1), margin(1, Z[0, 0], Z[0, 1]), ("pre-activations",)),
        Obligation("margin of x₂", "M₂ = −(0 − 1) = 1", Eq(M, 1), margin(-1, Z[1, 0], Z[1, 1]), ("pre-activations",)),
        Obligation("margin of x₃", "M₃ = 1 − 0 = 1", Eq(M, 1), margin(1, Z[2, 0], Z[2, 1]), ("pre-activations",)),
        Obligation("stationary", "w_j = u_j Σ y_i t_ij x_i", same(signs.T * X, W)),
        Obligation(
            "admissible",
            "t_ij = λ_i at the active pairs, 0 at the two kinks, where λ = 1 would allow more; λ₁ = 0",
            same(t, ImmutableMatrix(3, 2, lambda i, j: lam[i] if Z[i, j] > 0 else 0)),
            (),
            ("pre-activations",),
        ),
        Obligation("step", "the terms of x₃ removed: w₁′ = 0, w₂′ = w₂", same(W - removed, after), (), ("stationary",)),
        Obligation(
            "pre-activations of x₁ after",
            "(0, 1/2)",
            same(X[0, :] * after.T, ImmutableMatrix([[0, half]])),
            (),
            ("step",),
        ),
        Obligation(
            "misclassified",
            "N(x₁) = 0 − 1/2 < 0",
            Lt(M, 0) & Le(M, -half),
            margin(1, 0, half),
            ("pre-activations of x₁ after",),
        ),
    )
