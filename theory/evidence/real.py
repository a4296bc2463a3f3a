"""sympy's scalar relations in z3's real arithmetic.

Quotients, square roots, absolute values, maxima and minima become fresh variables with the constraints that
define them. A quotient or a root is also a condition (denominator not 0, radicand not negative): it is assumed
with a hypothesis, which speaks of defined numbers only, and must be proved for a goal.
"""

from typing import Any, NamedTuple


class Part(NamedTuple):
    """A fresh variable's condition (None: always defined) and defining constraint."""

    condition: Any
    definition: Any


class Translation:
    """Translates relations, sharing variables and fresh variables; ``take_parts`` hands over the new ones in order."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}
        self._parts: list[Part] = []
        self.symbols: dict[Any, Any] = {}

    def relation(self, relation: Any) -> Any:
        """z3's form of a relation, or of And, Or and Not of relations."""
        import sympy
        import z3

        if relation in (sympy.true, sympy.false):
            return z3.BoolVal(bool(relation))
        if isinstance(relation, sympy.And | sympy.Or):
            join = z3.And if isinstance(relation, sympy.And) else z3.Or
            return join(*(self.relation(part) for part in relation.args))
        if isinstance(relation, sympy.Not):
            return z3.Not(self.relation(relation.args[0]))
        if not isinstance(relation, sympy.core.relational.Relational):
            raise ValueError(f"{relation}: expected a relation between real expressions")
        lhs, rhs = self._term(relation.lhs), self._term(relation.rhs)
        compare = {
            "<=": lambda: lhs <= rhs,
            "<": lambda: lhs < rhs,
            ">=": lambda: lhs >= rhs,
            ">": lambda: lhs > rhs,
            "==": lambda: lhs == rhs,
            "!=": lambda: lhs != rhs,
        }
        return compare[relation.rel_op]()

    def take_parts(self) -> list[Part]:
        """The fresh variables met since the last call, inner ones first."""
        taken, self._parts = self._parts, []
        return taken

    def _term(self, e: Any) -> Any:
        if e not in self._known:
            self._known[e] = self._translate(e)
        return self._known[e]

    def _translate(self, e: Any) -> Any:
        import sympy
        import z3

        if e.is_Rational:
            return z3.RealVal(f"{e.p}/{e.q}")
        if e.is_Symbol:
            if not e.is_real or e.is_nonnegative or e.is_nonpositive or e.is_nonzero or e.is_integer:
                raise ValueError(f"{e}: expected a symbol that is real and no more; state its sign as a hypothesis")
            self.symbols[e] = z3.Real(e.name)
            return self.symbols[e]
        if e.is_Add:
            return z3.Sum([self._term(a) for a in e.args])
        if e.is_Mul:
            return z3.Product([self._term(a) for a in e.args])
        if e.is_Pow and e.exp.is_Rational:
            return self._power(e)
        if isinstance(e, sympy.Abs):
            return self._extreme([self._term(e.args[0]), -self._term(e.args[0])], largest=True)
        if isinstance(e, sympy.Max | sympy.Min):
            return self._extreme([self._term(a) for a in e.args], isinstance(e, sympy.Max))
        raise ValueError(f"{e}: expected rational numbers, real symbols, + - * /, integer powers, sqrt, Abs, Max, Min")

    def _power(self, e: Any) -> Any:
        import sympy
        import z3

        if e.exp < 0:
            below, inverse = self._term(sympy.Pow(e.base, -e.exp)), z3.FreshReal("inverse")
            self._parts.append(Part(below != 0, inverse * below == 1))
            return inverse
        if e.exp.q == 2:
            inside = self._term(e.base)
            root = self._term(sympy.sqrt(e.base)) if e.exp.p > 1 else z3.FreshReal("root")
            if e.exp.p == 1:
                self._parts.append(Part(inside >= 0, z3.And(root >= 0, root * root == inside)))
            return z3.Product([root] * int(e.exp.p))
        if e.exp.q != 1:
            raise ValueError(f"{e}: expected an integer power or a square root")
        return z3.Product([self._term(e.base)] * int(e.exp))

    def _extreme(self, values: list[Any], largest: bool) -> Any:
        import z3

        found = z3.FreshReal("extreme")
        bounds = [found >= v if largest else found <= v for v in values]
        self._parts.append(Part(None, z3.And(*bounds, z3.Or(*(found == v for v in values)))))
        return found


def exact_value(value: Any) -> Any:
    """A z3 number as sympy's: a fraction or a root of an integer polynomial."""
    import sympy
    import z3

    if z3.is_rational_value(value):
        return sympy.Rational(value.numerator_as_long(), value.denominator_as_long())
    x = sympy.Symbol("x")
    polynomial = sum(sympy.Integer(c.as_long()) * x**power for power, c in enumerate(value.poly()))
    return sympy.rootof(polynomial, x, value.index() - 1, radicals=True)
