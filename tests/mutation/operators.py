"""Operators beside cosmic-ray's own, for what a line of logic loses as a whole: a statement, a result, an argument."""

from __future__ import annotations

import parso
from cosmic_ray import plugins
from cosmic_ray.operators.operator import Example, Operator


class RemoveStatement(Operator):
    """Puts `pass` in the place of a call, a raise, a del, or an assignment to an attribute or an item.

    Left out are assignments to names and those in __init__: what is missing fails wherever it is read, so these mutants say nothing.
    """

    def mutation_positions(self, node):
        if node.type == "simple_stmt" and _is_removable(node.children[0]):
            yield node.start_pos, node.end_pos

    def mutate(self, node, index):
        node.children[0] = parso.parse(_indented(node.children[0], "pass"))
        return node

    @classmethod
    def examples(cls):
        return (Example("f(1)\n", "pass\n"), Example("a.b = 1\n", "pass\n"), Example("raise f(1)\n", "pass\n"))


def _is_removable(statement):
    if statement.type == "expr_stmt":
        target, operator = statement.children[:2]
        if getattr(operator, "value", "").endswith("=") and operator.value != "=":
            return True
        function = parso.tree.search_ancestor(statement, "funcdef")
        return target.type in ("atom_expr", "power") and function is not None and function.name.value != "__init__"
    if statement.type in ("atom_expr", "power"):
        return statement.children[-1].type == "trailer" and statement.children[-1].children[0].value == "("
    return statement.type in ("raise_stmt", "del_stmt") or statement.get_code().strip() == "raise"


class ReturnNone(Operator):
    """Lets a function return None in the place of its result."""

    def mutation_positions(self, node):
        if node.type == "return_stmt" and len(node.children) > 1 and node.children[1].get_code().strip() != "None":
            yield node.start_pos, node.end_pos

    def mutate(self, node, index):
        node.children[1] = parso.parse(" None")
        return node

    @classmethod
    def examples(cls):
        return (Example("def f(): return 1", "def f(): return None"),)


class ArgumentToNone(Operator):
    """Passes None in the place of a call's keyword argument."""

    def mutation_positions(self, node):
        if node.type == "argument" and node.children[1].get_code().strip() == "=" and node.children[2].get_code().strip() != "None":
            yield node.start_pos, node.end_pos

    def mutate(self, node, index):
        node.children[2] = parso.parse("None")
        return node

    @classmethod
    def examples(cls):
        return (Example("f(a=1)", "f(a=None)"),)


class OtherException(Operator):
    """Catches an exception that nothing raises in the place of one that is caught. cosmic-ray's own fails for a name with a dot."""

    def mutation_positions(self, node):
        for caught, _, _ in _caught(node):
            yield caught.start_pos, caught.end_pos

    def mutate(self, node, index):
        caught, parent, position = list(_caught(node))[index]
        parent.children[position] = parso.parse(_indented(caught, "FloatingPointError"))
        return node

    @classmethod
    def examples(cls):
        return (
            Example("try: pass\nexcept OSError: pass", "try: pass\nexcept FloatingPointError: pass"),
            Example("try: pass\nexcept (a.B, C): pass", "try: pass\nexcept (FloatingPointError, C): pass"),
        )


def _caught(node):
    """Yield each exception that an except clause catches, with its parent and its position in there."""
    if node.type != "except_clause":
        return
    types = node.children[1]
    if types.type == "atom":
        types = types.children[1]
        yield from ((child, types, position) for position, child in enumerate(types.children) if child.type != "operator")
    else:
        yield types, node, 1


def _indented(node, text):
    return node.get_first_leaf().prefix + text


class Provider:
    """What cosmic-ray asks for operators."""

    _operators = {operator.__name__: operator for operator in (RemoveStatement, ReturnNone, ArgumentToNone, OtherException)}  # noqa: RUF012

    def __iter__(self):
        return iter(self._operators)

    def __getitem__(self, name):
        return self._operators[name]


plugins.OPERATOR_PROVIDERS["rdspool"] = Provider()

BINARY = (
    ("Add", "Sub"),
    ("Sub", "Add"),
    ("Mul", "Div"),
    ("Div", "Mul"),
    ("FloorDiv", "Mul"),
    ("Mod", "Add"),
    ("BitOr", "BitAnd"),
    ("BitAnd", "BitOr"),
    ("BitXor", "BitAnd"),
    ("LShift", "RShift"),
    ("RShift", "LShift"),
)
COMPARISON = (
    ("Eq", "NotEq"),
    ("NotEq", "Eq"),
    ("Lt", "LtE"),
    ("Lt", "GtE"),
    ("LtE", "Lt"),
    ("LtE", "Gt"),
    ("Gt", "GtE"),
    ("Gt", "LtE"),
    ("GtE", "Gt"),
    ("GtE", "Lt"),
    ("Is", "IsNot"),
    ("IsNot", "Is"),
)
USED = (
    *(f"core/ReplaceBinaryOperator_{old}_{new}" for old, new in BINARY),
    *(f"core/ReplaceComparisonOperator_{old}_{new}" for old, new in COMPARISON),
    "core/AddNot",
    "core/NumberReplacer",
    "core/RemoveDecorator",
    "core/ReplaceAndWithOr",
    "core/ReplaceBreakWithContinue",
    "core/ReplaceContinueWithBreak",
    "core/ReplaceFalseWithTrue",
    "core/ReplaceOrWithAnd",
    "core/ReplaceTrueWithFalse",
    "core/ReplaceUnaryOperator_Delete_Not",
    "core/ReplaceUnaryOperator_Delete_USub",
    "core/ZeroIterationForLoop",
    "rdspool/ArgumentToNone",
    "rdspool/OtherException",
    "rdspool/RemoveStatement",
    "rdspool/ReturnNone",
)
"""The operators. Of cosmic-ray's twelve replacements of an operator the one or two that a hand could have written: `a + b` as `a ** b`, or
`a == b` as `a is b`, adds mutants that fall at once, or that mean the same."""
