"""Equalities between products of matrices of symbolic sizes, decided by rewriting.

An expression becomes a sum of words (products of matrices and their transposes) with scalar coefficients. A
rule is an equality whose left-hand side is one word, P P = P or P X_Rᵀ = X_Rᵀ; its transpose is a rule too.
Rules are applied until none fits; a 1×1 word equals its transpose. Reaching 0 is a proof, whichever order
the rules were tried in; anything else decides nothing.
"""

from typing import Any

Word = tuple[Any, ...]  # of MatrixSymbol and its transpose
Sum = dict[Word, Any]  # word -> scalar coefficient; the empty word is the identity

_MOST_STEPS = 2000


class Irreducible(Exception):
    """The rules do not bring the expression to 0 (or do not end)."""


def vanishes(expression: Any, rules: tuple[Any, ...]) -> None:
    """Rewrite to 0.

    Raises:
        Irreducible: something is left; the message shows it.
        ValueError: a rule's left-hand side is not a single product, or an operation is not understood.
    """
    table = _symmetric([pair for rule in rules for pair in _rule(rule)])
    left, steps = _words(expression), 0
    done: Sum = {}
    while left:
        word, coefficient = left.popitem()
        found = _apply(word, table)
        if found is None:
            _add(done, _canonical(word), coefficient)
            continue
        for new, factor in found.items():
            _add(left, new, coefficient * factor)
        steps += 1
        if steps > _MOST_STEPS:
            raise Irreducible(f"no end after {_MOST_STEPS} rewritings")
    if done:
        raise Irreducible("left: " + " + ".join(f"({c})*{'*'.join(map(str, w)) or 'I'}" for w, c in done.items()))


def is_matrix_equality(relation: Any) -> bool:
    """Whether a sympy relation is an equality between matrices of symbolic size."""
    import sympy
    from sympy.matrices.expressions.matexpr import MatrixExpr

    if not isinstance(relation, sympy.Equality) or isinstance(relation.lhs, sympy.MatrixBase):
        return False
    return isinstance(relation.lhs, MatrixExpr)


def _rule(relation: Any) -> list[tuple[Word, Sum]]:
    if not is_matrix_equality(relation):
        raise ValueError(f"{relation}: expected an equality between matrices as a rule")
    pairs: list[tuple[Word, Sum]] = []
    for lhs, rhs in ((relation.lhs, relation.rhs), (relation.lhs.T, relation.rhs.T)):
        words = _words(lhs)
        if len(words) != 1 or next(iter(words.values())) != 1 or () in words:
            raise ValueError(f"{relation}: expected one product on the left of a rule")
        replacement = _words(rhs)
        pattern = next(iter(words))
        if pairs and replacement == {pairs[0][0]: 1}:  # Pᵀ = P: its transpose is the same rule backwards
            continue
        pairs.append((pattern, replacement))
    return pairs


def _symmetric(table: list[tuple[Word, Sum]]) -> list[tuple[Word, Sum]]:
    """Where Pᵀ = P is a rule, the patterns are written with P too, or they would not fit what that rule leaves."""
    same: dict[Any, Any] = {}
    for pattern, replacement in table:
        if len(pattern) == 1 and replacement == {_transposed(pattern): 1}:
            same |= {pattern[0]: pattern[0].T}

    def written(pattern: Word) -> Word:
        return tuple(same.get(letter, letter) for letter in pattern) if len(pattern) > 1 else pattern

    return [(written(pattern), replacement) for pattern, replacement in table]


def _apply(word: Word, table: list[tuple[Word, Sum]]) -> Sum | None:
    for pattern, replacement in table:
        for start in range(len(word) - len(pattern) + 1):
            if word[start : start + len(pattern)] == pattern:
                before, after = word[:start], word[start + len(pattern) :]
                return {before + middle + after: c for middle, c in replacement.items()}
    return None


def _words(expression: Any) -> Sum:
    """Sum of words, products distributed and transposes pushed to the symbols."""
    import sympy
    from sympy.matrices.expressions import Identity, MatAdd, MatMul, MatPow, Transpose, ZeroMatrix

    total: Sum = {}
    if isinstance(expression, ZeroMatrix):
        return total
    if isinstance(expression, Identity):
        return {(): sympy.Integer(1)}
    if isinstance(expression, sympy.MatrixSymbol):
        return {(expression,): sympy.Integer(1)}
    if isinstance(expression, MatAdd):
        for part in expression.args:
            for word, c in _words(part).items():
                _add(total, word, c)
        return total
    if isinstance(expression, Transpose):
        if isinstance(expression.arg, sympy.MatrixSymbol):
            return {(expression,): sympy.Integer(1)}
        return {_transposed(word): c for word, c in _words(expression.arg).items()}
    if isinstance(expression, MatPow) and expression.exp.is_Integer and expression.exp > 0:
        return _words(MatMul(*[expression.base] * int(expression.exp), evaluate=False))
    if isinstance(expression, MatMul):
        scalar, factors = expression.as_coeff_matrices()
        total = {(): scalar}
        for factor in factors:
            found = _words(factor)
            longer: Sum = {}
            for word, c in total.items():
                for next_word, d in found.items():
                    _add(longer, word + next_word, c * d)
            total = longer
        return total
    raise ValueError(f"{type(expression).__name__}: expected sums, products, powers and transposes of matrices")


def _transposed(word: Word) -> Word:
    return tuple(letter.T for letter in reversed(word))


def _canonical(word: Word) -> Word:
    if word and word[0].shape[0] == 1 and word[-1].shape[1] == 1:
        return min(word, _transposed(word), key=lambda w: [str(letter) for letter in w])
    return word


def _add(total: Sum, word: Word, coefficient: Any) -> None:
    import sympy

    value = sympy.expand(total.pop(word, 0) + coefficient)
    if value != 0:
        total[word] = value
