"""From the text of an expression to its tree: a tokenizer and a Pratt parser.

Precedence, loosest first:  or | and | not | < <= > >= == != in, not in (chained) | ?? | + - | * / % | -x | .name [index] call
Nothing is evaluated here. Length, nesting and size are limited, so that any text ends soon in a
tree or in an ExpressionError.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from headkit.expression.tree import (
    Arithmetic,
    Call,
    Comparison,
    Constant,
    ExpressionError,
    Fallback,
    Junction,
    Listing,
    Minus,
    Negation,
    Node,
    Path,
    Step,
)

LONGEST = 4096  # characters of source
DEEPEST = 64  # levels of nesting; keeps parser and closures far from Python's recursion limit
LARGEST = 1000  # nodes of a tree

FUNCTIONS: dict[str, tuple[int, int]] = {  # name -> fewest and most arguments
    "any": (1, 2),
    "all": (1, 2),
    "count": (1, 2),
    "min": (1, 16),
    "max": (1, 16),
    "sum": (1, 1),
    "len": (1, 1),
    "abs": (1, 1),
    "round": (1, 2),
    "exists": (1, 1),
}
ITERATING = ("any", "all", "count")  # the second argument is asked of each item
WORDS = ("and", "or", "not", "in", "true", "false", "null")
ORDER = ("<", "<=", ">", ">=")
COMPARISONS = (*ORDER, "==", "!=", "in", "not in")

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[A-Za-z_][A-Za-z_0-9]*)
      | (?P<string>"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*')
      | (?P<mark><=|>=|==|!=|\?\?|[-+*/%<>()\[\].,])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "/": "/"}
_HINTS = {"&": "write `and`", "|": "write `or`", "!": "write `not`", "=": "write `==`"}


# ---- tokens --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Token:
    """A word of the source, from source[start] up to source[end]."""

    kind: str  # number, name, string, mark, end
    text: str
    start: int
    end: int


def tokens(source: str) -> list[Token]:
    """The tokens of the source, the last of kind `end`; ExpressionError at the first wrong character."""
    if len(source) > LONGEST:
        raise ExpressionError(
            f"an expression has at most {LONGEST} characters; this one has {len(source)}", source, 0
        )
    try:
        source.encode()
    except UnicodeEncodeError as error:
        raise ExpressionError("a byte that is not UTF-8", source, error.start) from None
    found = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise _wrong_character(source, at)
        kind = match.lastgroup or ""
        if kind == "number" and re.match(r"[A-Za-z_0-9.]", source[match.end() : match.end() + 1]):
            raise ExpressionError("a number ends in the middle of a word", source, match.end())
        if kind != "space":
            found.append(Token(kind, match.group(), at, match.end()))
        at = match.end()
    found.append(Token("end", "", len(source), len(source)))
    return found


def _wrong_character(source: str, at: int) -> ExpressionError:
    if source[at] in "\"'":
        return ExpressionError("a string without its closing quote", source, at)
    hint = _HINTS.get(source[at])
    return ExpressionError(
        "a character that means nothing here" + (f"; {hint}" if hint else ""), source, at
    )


# ---- the parser ----------------------------------------------------------------------------------

_POWER = {
    "or": 10,
    "and": 20,
    "??": 50,
    "+": 60,
    "-": 60,
    "*": 70,
    "/": 70,
    "%": 70,
    ".": 90,
    "[": 90,
}
_POWER.update(dict.fromkeys(("<", "<=", ">", ">=", "==", "!=", "in", "not"), 40))
_NESTING = (50, 60, 70)  # the others become flat: junctions, chained comparisons, paths
_NOT_POWER, _COMPARISON_POWER, _MINUS_POWER, _POSTFIX_POWER = 30, 40, 80, 90


def parse(source: str) -> Node:
    """The tree of the source; ExpressionError with the column of the first fault."""
    parser = _Parser(source)
    node = parser.expression(0)
    token = parser.token
    if token.kind != "end":
        raise ExpressionError(
            "an operator is missing before this"
            if token.kind != "mark"
            else "this has no place here",
            source,
            token.start,
        )
    return node


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = tokens(source)
        self.at = 0
        self.depth = 0
        self.nodes = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def fault(self, message: str, column: int | None = None) -> ExpressionError:
        return ExpressionError(message, self.source, self.token.start if column is None else column)

    def advance(self) -> Token:
        token = self.token
        if token.kind != "end":
            self.at += 1
        return token

    def expect(self, text: str, message: str) -> Token:
        if self.token.kind != "mark" or self.token.text != text:
            raise self.fault(message)
        return self.advance()

    def expression(self, power: int) -> Node:
        """Everything from here on that binds tighter than `power`."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.fault(f"nested more than {DEEPEST} deep")
        left = self.operand(power)
        links = 0  # a + b + c leans left: every link is one level of nesting for who walks the tree
        while (binding := self.infix_power()) > power:
            self.count()
            links += binding in _NESTING
            if self.depth + links > DEEPEST:
                raise self.fault(f"a chain of more than {DEEPEST} operations")
            left = self.infix(left, binding)
        self.depth -= 1
        return left

    def count(self) -> None:
        """Count one more node of the tree."""
        self.nodes += 1
        if self.nodes > LARGEST:
            raise self.fault(f"more than {LARGEST} operations")

    def infix_power(self) -> int:
        token = self.token
        if token.kind == "mark" or (
            token.kind == "name" and token.text in ("and", "or", "in", "not")
        ):
            return _POWER.get(token.text, -1)
        return -1

    def operand(self, power: int) -> Node:
        token = self.advance()
        if token.kind == "number":
            return Constant(token.start, token.end, self.number(token))
        if token.kind == "string":
            return Constant(token.start, token.end, self.string(token))
        if token.kind == "name":
            return self.word(token, power)
        if token.text == "-":
            operand = self.expression(_MINUS_POWER)
            return Minus(token.start, operand.end, operand)
        if token.text == "(":
            inner = self.expression(0)
            closing = self.expect(")", "a closing parenthesis is missing")
            # With its parentheses, so that what is quoted of the source is whole.
            return replace(inner, start=token.start, end=closing.end)
        if token.text == "[":
            items = self.arguments("]", "a comma or `]` is missing")
            return Listing(token.start, self.tokens[self.at - 1].end, items)
        if token.text == ".":
            return self.leading_dot(token)
        if token.kind == "end":
            raise self.fault(
                "the expression is empty"
                if len(self.tokens) == 1
                else "the expression ends too soon",
                token.start,
            )
        raise self.fault("a value is missing before this", token.start)

    def word(self, token: Token, power: int) -> Node:
        text = token.text
        if text == "not":
            if power > _NOT_POWER:
                raise self.fault("`not` here needs parentheses around it", token.start)
            operand = self.expression(_NOT_POWER)
            return Negation(token.start, operand.end, operand)
        if text in ("true", "false", "null"):
            return Constant(
                token.start, token.end, {"true": True, "false": False, "null": None}[text]
            )
        if text in WORDS:
            raise self.fault(f"a value is missing before `{text}`", token.start)
        if self.token.text == "(" and self.token.kind == "mark":
            return self.call(token)
        if text == "record":
            return Path(token.start, token.end, (), whole_record=True)
        if text == "item":
            return Path(token.start, token.end, ())
        return Path(token.start, token.end, (Step(text, token.start),))

    def call(self, name: Token) -> Node:
        if name.text not in FUNCTIONS:
            raise self.fault(
                f"no function {name.text}; there are {', '.join(FUNCTIONS)}", name.start
            )
        self.advance()
        arguments = self.arguments(")", "a comma or `)` is missing")
        fewest, most = FUNCTIONS[name.text]
        if not fewest <= len(arguments) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise self.fault(
                f"{name.text}() takes {wanted} arguments, not {len(arguments)}", name.start
            )
        return Call(name.start, self.tokens[self.at - 1].end, name.text, arguments)

    def arguments(self, closing: str, message: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while not (self.token.kind == "mark" and self.token.text == closing):
            if found:
                self.expect(",", message)
            found.append(self.expression(0))
            self.count()
        self.advance()
        return tuple(found)

    def leading_dot(self, dot: Token) -> Node:
        """What follows a leading dot: .name, .["name"], or nothing for the item or record itself."""
        token = self.token
        if token.kind == "name":
            self.advance()
            return Path(dot.start, token.end, (Step(token.text, token.start),))
        return Path(dot.start, dot.end, ())

    def infix(self, left: Node, binding: int) -> Node:
        token = self.advance()
        text = token.text
        if binding == _POSTFIX_POWER:
            return self.postfix(left, token)
        if binding == _COMPARISON_POWER:
            return self.comparison(left, token)
        right = self.expression(binding)
        if text in ("and", "or"):
            return _joined(text, left, right)
        if text == "??":
            return Fallback(left.start, right.end, left, right)
        return Arithmetic(left.start, right.end, text, left, right)

    def comparison(self, left: Node, token: Token) -> Node:
        """The whole chain a < b <= c from its first operator on."""
        operands, operators = [left], [self.comparison_operator(token)]
        operands.append(self.expression(_COMPARISON_POWER))
        while self.infix_power() == _COMPARISON_POWER:
            self.count()
            token = self.advance()
            operators.append(self.comparison_operator(token))
            if any(found not in ORDER and found != "==" for found in operators):
                raise self.fault(f"`{operators[-1]}` cannot be chained; use `and`", token.start)
            operands.append(self.expression(_COMPARISON_POWER))
        return Comparison(left.start, operands[-1].end, tuple(operands), tuple(operators))

    def comparison_operator(self, token: Token) -> str:
        if token.text != "not":
            return token.text
        if self.token.text != "in":
            raise self.fault("an operator is missing before `not`", token.start)
        self.advance()
        return "not in"

    def postfix(self, left: Node, token: Token) -> Node:
        if not isinstance(left, Path):
            raise self.fault("only a field has parts", token.start)
        if token.text == ".":
            name = self.token
            if name.kind != "name":
                raise self.fault("a name is missing after the dot")
            self.advance()
            return Path(
                left.start, name.end, (*left.steps, Step(name.text, name.start)), left.whole_record
            )
        key = self.index()
        closing = self.expect("]", "`]` is missing")
        return Path(
            left.start, closing.end, (*left.steps, Step(key, token.start)), left.whole_record
        )

    def index(self) -> str | int | None:
        token = self.token
        if token.kind == "mark" and token.text == "]":
            return None
        negative = token.kind == "mark" and token.text == "-"
        if negative:
            self.advance()
            token = self.token
        if token.kind == "number":
            value = self.number(token)
            if isinstance(value, int):
                self.advance()
                return -value if negative else value
        if token.kind == "string" and not negative:
            self.advance()
            return self.string(token)
        raise self.fault("an index is a whole number, a string, or nothing (each item)")

    def number(self, token: Token) -> float | int:
        if token.text.isdigit():
            if len(token.text) > 19 or int(token.text) >= 2**63:
                raise self.fault("a whole number has at most 63 bits", token.start)
            return int(token.text)
        value = float(token.text)
        if value in (float("inf"), float("-inf")):
            raise self.fault("this number is too large", token.start)
        return value

    def string(self, token: Token) -> str:
        def meaning(match: re.Match[str]) -> str:
            letter = match.group(1)
            if len(letter) == 5:
                return chr(int(letter[1:], 16))
            if letter not in _ESCAPES:
                raise self.fault(
                    "an unknown escape in a string; a backslash is written twice",
                    token.start + 1 + match.start(),
                )
            return _ESCAPES[letter]

        text = _ESCAPE.sub(meaning, token.text[1:-1])
        try:  # \\u escapes beyond 16 bits come as pairs, as in JSON
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise self.fault("half of a surrogate pair in a string", token.start) from None


def _joined(operator: str, left: Node, right: Node) -> Junction:
    """One flat junction for a and b and c: the conjuncts of which a record fails the first."""
    same = isinstance(left, Junction) and left.operator == operator
    operands = (*left.operands, right) if same and isinstance(left, Junction) else (left, right)
    return Junction(left.start, right.end, operator, operands)
