r"""Through unrolled sign descent the implicit gradient is 0, and the response to a finite change of w is not.

θ_{t+1} = θ_t − β sign(g_t(w)), g_t(w) = −Σ (1 − w_i) r_i(θ_t) x_i, r_i(θ) = y_i − x_iᵀθ: least squares with weights
1 − w, T steps from any θ_0. Assume no entry of any g_t is 0.

Proof (derived here). Let ρ = min over t ≤ T − 1 and coordinates c of |g_tc|/Σ_i |x_ic r_i(θ_t)|. For |δ_i| < ρ and as
long as the iterates are those of w, g_tc moves by |Σ δ_i x_ic r_i(θ_t)| < |g_tc|: no sign changes, and the next
iterate is the same. By induction θ_T(w + δ) = θ_T(w): constant near w, the map has derivative 0, and that of
Σ w_i ℓ_i(θ_T(w)) + γ‖w‖² is ℓ_i(θ_T) + 2γw_i. Autodiff, whose sign has derivative 0, finds the same.

That is all a gradient sees. Let (t, c) attain ρ and δ_i = −ρ′ sign(g_tc) sign(x_ic r_i(θ_t)), ρ′ > ρ. If the iterates
up to θ_t are those of w, then g_tc has changed sign and θ_{t+1} differs by 2β in that coordinate; if not, the first
that differs does by 2β in some coordinate. So a change of every weight by a little more than ρ moves an iterate by at
least 2β. The last iterate may be the same by chance: iterates lie on a lattice of spacing 2β around θ_0 − Tβ.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.wc.selection import response_steps
from theory.claims.wc.selection.fixed_losses import lowest

STEPS = 6
INSIDE, BEYOND = 0.99, 1.01  # of ρ
GAMMA = 0.3


class Descent(NamedTuple):
    """Weighted least squares by sign descent."""

    X: Float[Array, "N d"]
    y: Float[Array, " N"]
    w: Float[Array, " N"]
    theta: Float[Array, " d"]  # θ_0
    beta: Float[Array, ""]
    direction: Float[Array, " N"]  # in [−1, 1]
    forget: Bool[Array, " N"]


class Response(NamedTuple):
    """Derivatives at w, and iterates with other weights."""

    path: Float[Array, "n d"]  # θ_0, ..., θ_T
    jacobian: Float[Array, "d N"]
    gradient: Float[Array, " N"]  # of the upper level
    radius: Float[Array, ""]  # ρ
    inside: Float[Array, "n d"]  # path of weights at most 0.99ρ away
    beyond: Float[Array, "n d"]  # and of the weights 1.01ρ away that change a sign
    size: Float[Array, ""]  # rounding scale of the upper level's losses


def latent(sizes: Sizes) -> int:
    """X, y, w, direction, forget order, θ_0, β."""
    return sizes["N"] * (sizes["d"] + 4) + sizes["d"] + 1


def build(sizes: Sizes, z: Float[Array, " n"]) -> Descent:
    """Any problem; a fixed pattern is added, so that zeros in z are not zeros of a gradient."""
    N, d = sizes["N"], sizes["d"]
    rows = z[: N * d].reshape(N, d) + 0.1 * jnp.cos(jnp.arange(1.0, N * d + 1.0)).reshape(N, d)
    y, w, direction, order = z[N * d : -d - 1].reshape(4, N)
    beta = 0.1 * jnp.exp(jnp.tanh(z[-1]))
    y = y + 0.1 * jnp.sin(jnp.arange(1.0, N + 1.0))
    return Descent(rows, y, jax.nn.sigmoid(w), z[-d - 1 : -1], beta, jnp.tanh(direction), lowest(order, sizes["k"]))


def lower_gradient(i: Descent, w: Float[Array, " N"], theta: Float[Array, " d"]) -> Float[Array, " d"]:
    """g(w) at θ."""
    return -i.X.T @ ((1.0 - w) * (i.y - i.X @ theta))


def iterates(i: Descent, w: Float[Array, " N"]) -> Float[Array, "n d"]:
    """θ_0, ..., θ_T."""

    def step(theta: Array, _: None) -> tuple[Array, Array]:
        new = theta - i.beta * jnp.sign(lower_gradient(i, w, theta))
        return new, new

    return jnp.concatenate([i.theta[None], jax.lax.scan(step, i.theta, None, length=STEPS)[1]])


def losses(i: Descent, theta: Float[Array, " d"]) -> Float[Array, " N"]:
    """r(θ)²."""
    return (i.y - i.X @ theta) ** 2


def upper(i: Descent, w: Float[Array, " N"]) -> Float[Array, ""]:
    """Σ w_i ℓ_i(θ_T(w)) + γ‖w‖²."""
    return jnp.sum(w * losses(i, iterates(i, w)[-1])) + GAMMA * jnp.sum(w**2)


def sensitivity(i: Descent) -> tuple[Float[Array, "n d"], Float[Array, "n d N"]]:
    """g_t and the terms x_ic r_i(θ_t), along the iterates of w."""
    path = iterates(i, i.w)[:-1]
    terms = jax.vmap(lambda theta: i.X.T * (i.y - i.X @ theta)[None, :])(path)
    return jax.vmap(lambda theta: lower_gradient(i, i.w, theta))(path), terms


def solve(i: Descent) -> Response:
    """Derivatives by autodiff, ρ, and two finite changes."""
    g, terms = sensitivity(i)
    ratios = jnp.abs(g) / jnp.sum(jnp.abs(terms), axis=2)
    at = jnp.unravel_index(jnp.argmin(ratios), ratios.shape)
    radius = ratios[at]
    path = iterates(i, i.w)
    return Response(
        path,
        jax.jacobian(lambda w: iterates(i, w)[-1])(i.w),
        jax.grad(lambda w: upper(i, w))(i.w),
        radius,
        iterates(i, i.w + INSIDE * radius * i.direction),
        iterates(i, i.w - BEYOND * radius * jnp.sign(g[at]) * jnp.sign(terms[at])),
        jnp.max(jnp.abs(i.y) + jnp.abs(i.X) @ jnp.max(jnp.abs(path), axis=0)) ** 2,
    )


def _signs_known(i: Descent) -> Float[Array, "n d"]:
    """|g_tc| over what enters it, less what rounding can do: 0.99ρ, ρ and 1.01ρ must differ by more than that."""
    g, _ = sensitivity(i)
    size = jnp.max(jnp.abs(i.y)) + jnp.max(jnp.sum(jnp.abs(i.X), axis=1)) * (jnp.max(jnp.abs(i.theta)) + STEPS * i.beta)
    return jnp.abs(g) / (size * jnp.sum(jnp.abs(i.X), axis=0)[None, :]) - 1e-10


def _forgotten(i: Descent, s: Response) -> Float[Array, ""]:
    """Largest entry of θ_T without F less θ_T with everything, in steps of 2β."""
    without, everything = (iterates(i, jnp.where(i.forget, value, 0.0))[-1] for value in (1.0, 0.0))
    return jnp.max(jnp.abs(without - everything)) / (2.0 * i.beta)


def _steps_apart(s: Response, other: Float[Array, "n d"], beta: Float[Array, ""]) -> Float[Array, ""]:
    return jnp.max(jnp.abs(other - s.path)) / (2.0 * beta)


def _lattice_scale(i: Descent, s: Response) -> Float[Array, ""]:
    return 1.0 + (jnp.max(jnp.abs(i.theta)) + STEPS * i.beta) / i.beta


def _balanced() -> Descent:
    """Two points whose gradients cancel at θ_0 = 0: a sign is 0, so is ρ, and a change of size 0 moves nothing."""
    one = jnp.ones(2)
    start, forget = jnp.zeros(1), jnp.asarray([True, False])
    return Descent(one[:, None], jnp.asarray([1.0, -1.0]), 0.5 * one, start, jnp.asarray(0.5), one, forget)


CLAIM = Claim(
    key="wc.selection.implicit_gradient",
    title="Through sign descent the implicit gradient is 0, yet a finite change of the weights moves the model",
    statement=r"\theta_{t+1}=\theta_t-\beta\,\mathrm{sign}\,g_t(w) \Rightarrow \partial\theta_T/\partial w=0,\quad "
    r"\theta_T(w+\delta)=\theta_T(w)\ \text{for } \|\delta\|_\infty<\rho=\min_{t,c}|g_{tc}|/\textstyle\sum_i"
    r"|x_{ic}r_i(\theta_t)|,\quad \exists\,\|\delta\|_\infty=1.01\rho,\,t:\ "
    r"\|\theta_t(w+\delta)-\theta_t(w)\|_\infty\ge2\beta",
    source="WC (arXiv 2403.07362) for the first; the radius and the finite response derived here",
    status="proved",
    sizes=({"N": 3, "d": 1, "k": 1}, {"N": 6, "d": 3, "k": 2}, {"N": 20, "d": 8, "k": 5}),
    latent=latent,
    build=build,
    assumptions=(Assumption("no sign is 0", r"g_{tc} \ne 0", _signs_known),),
    solve=solve,
    conclusions=(
        Conclusion(
            "implicit gradient",
            r"\partial\theta_T/\partial w = 0",
            lhs=lambda i, s: s.jacobian,
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: 0.0,
        ),
        Conclusion(
            "upper gradient",
            r"\partial_{w_i}\left(\sum_j w_j\ell_j(\theta_T)+\gamma\|w\|^2\right) = \ell_i(\theta_T)+2\gamma w_i",
            lhs=lambda i, s: s.gradient,
            rhs=lambda i, s: losses(i, s.path[-1]) + 2.0 * GAMMA * i.w,
            relation="==",
            scale=lambda i, s: s.size + GAMMA,
        ),
        Conclusion(
            "constant within the radius",
            r"\theta_t(w+\delta) = \theta_t(w),\ \|\delta\|_\infty \le 0.99\rho",
            lhs=lambda i, s: _steps_apart(s, s.inside, i.beta),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=_lattice_scale,
        ),
        Conclusion(
            "finite response",
            r"\max_t\|\theta_t(w+\delta)-\theta_t(w)\|_\infty/2\beta \ge 1",
            lhs=lambda i, s: _steps_apart(s, s.beyond, i.beta),
            rhs=lambda i, s: 1.0,
            relation=">=",
            tight=True,
            scale=_lattice_scale,
        ),
        Conclusion(
            "forgetting moves the model",
            r"\|\theta_T(1_F)-\theta_T(0)\|_\infty/2\beta \ge 1",
            lhs=_forgotten,
            rhs=lambda i, s: 1.0,
            relation=">=",
            scale=_lattice_scale,
            share=0.5,
        ),
    ),
    counterexamples=(Counterexample("no sign is 0", _balanced, "a gradient of 0: the radius is 0"),),
    obligations=response_steps.implicit_gradient,
    notes="The gradient that selection follows is right and blind: it says that no weight matters to the model, and "
    "forgetting whole points moves it. wc.selection.model_ignores_weights is the false reading.",
)
