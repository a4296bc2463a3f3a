"""Two claims of one's own: ``forgetproof check examples/my_claim.py``. The first is true, the second false."""

import jax.numpy as jnp

from forgetproof import Claim, Conclusion, norm


def two_vectors(sizes, z):  # an unconstrained vector z becomes an instance
    return {"a": z[: sizes["d"]], "b": z[sizes["d"] :]}


def claim(key, title, factor, status):
    return Claim(
        key=f"own.{key}", title=title, status=status, source="textbook",
        statement=rf"\|a+b\|^2 \le {factor}\,(\|a\|^2+\|b\|^2)",
        sizes=({"d": 2}, {"d": 5}), latent=lambda sizes: 2 * sizes["d"], build=two_vectors,
        conclusions=(Conclusion("bound", rf"\|a+b\|^2 \le {factor}\,(\|a\|^2+\|b\|^2)", tight=factor == 2,
            lhs=lambda i, s: norm(i["a"] + i["b"]) ** 2,
            rhs=lambda i, s: factor * jnp.sum(i["a"] ** 2 + i["b"] ** 2)),),
    )  # fmt: skip


TRUE = claim("parallelogram", "The square of a sum is at most twice the sum of squares", 2, "proved")
FALSE = claim("too_sharp", "The square of a sum is at most the sum of squares", 1, "conjectured")
