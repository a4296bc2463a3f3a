"""What paper GA's targets compare with: linear models and two-layer networks on high-dimensional Gaussian data."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from theory.claims.ga.mixture import unlearning_keeps_test_error as mixture_networks
from theory.data.gaussian_mixture import sample_gaussian_mixture
from theory.numerics import cosine_gap, norm
from theory.solvers.margin import margin_from_points
from theory.unlearning.ascent import remove_terms
from theory.unlearning.projected_ascent import project_step

M, D, SEEDS = 40, 2000, 20
RHO = 0.5 * D**-0.25  # hard enough that a few percent of test points are misclassified


def _one(key: Key[Array, ""], rho: Array) -> dict[str, Array]:
    unit = sample_gaussian_mixture(key, M, D, 1.0)
    data = unit._replace(X=unit.X + (rho - 1.0) * unit.y[:, None] * unit.mu[None, :], mu=rho * unit.mu)
    forget = jnp.arange(M) == 0
    trained = margin_from_points(data.X, data.y, extended=False)
    retrained = margin_from_points(data.X, data.y, ~forget, extended=False)
    assert trained.w is not None
    assert retrained.w is not None
    solved = jnp.maximum(trained.relative_residual, retrained.relative_residual) <= 1e-9
    plain = remove_terms(trained.w, data.X, data.y, trained.lam, forget)
    projected = project_step(trained.w, data.X, data.y, trained.lam, forget)

    def error(w: Array) -> Array:
        return 100.0 * jax.scipy.stats.norm.cdf(-jnp.sqrt(1.0 * D) * (w @ data.mu) / norm(w))

    measured = {
        "projected_distance": norm(projected.w - retrained.w) / norm(retrained.w),
        "ascent_cosine_gap": cosine_gap(plain, retrained.w),
        "nothing_cosine_gap": cosine_gap(trained.w, retrained.w),
        "error": error(trained.w),
        "mixture_error_increase": error(plain) - error(trained.w),
    }
    return {name: jnp.where(solved, value, jnp.nan) for name, value in measured.items()}  # NaN meets no target


def _networks(seed: Array) -> Array:
    """Errors in percent of original, ascent, projected and retrained networks: exact KKT points at d = 10⁶."""
    y = jnp.where(jnp.arange(mixture_networks.M) % 2 == 0, 1.0, -1.0)
    problem = mixture_networks.make(y, mixture_networks.N, 1, jnp.array(1e6), jnp.array(2.2), seed)
    found = mixture_networks.solve(problem)
    return jnp.where(found.residual <= 1e-9, 100.0 * found.network, jnp.nan)


def measure(seed: int) -> dict[str, float]:
    """Medians over 20 seeds: pure noise (ρ = 0) for the distances, the mixture for the test error."""
    keys = jax.random.split(jax.random.key(seed), SEEDS)
    run = jax.jit(jax.vmap(_one, in_axes=(0, None)))
    noise, mixture = run(keys, jnp.array(0.0)), run(keys, jnp.array(RHO))
    errors = jax.jit(jax.vmap(_networks))(jax.random.bits(jax.random.key(seed), (SEEDS,)))
    _, plain, _, retrained = jnp.nanmedian(errors - errors[:, :1], axis=0)
    gain = noise["nothing_cosine_gap"] / noise["ascent_cosine_gap"]
    return {
        "projected_distance": float(jnp.max(noise["projected_distance"])),
        "ascent_cosine_gap": float(jnp.median(noise["ascent_cosine_gap"])),
        "ascent_gain": float(jnp.median(gain)),
        "mixture_error": float(jnp.median(mixture["error"])),
        "mixture_error_increase": float(jnp.median(mixture["mixture_error_increase"])),
        "network_mixture_error": float(jnp.nanmedian(errors[:, 0])),
        "network_mixture_increase": float(plain),
        "network_mixture_retrained": float(retrained),
    }
