"""Every message of an InputError: one whole sentence, in one grammar, and written where it can be read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("model", "server")
HOLE = "{}"  # stands for a placeholder of an f-string
SENTENCES = {"sentence"}  # functions whose result is a whole sentence
NAMES = ("pip",)  # names that are written in lower case at the beginning of a sentence too
Function = ast.FunctionDef | ast.AsyncFunctionDef


def texts(node: ast.expr, names: dict[str, list[ast.expr]]) -> Iterator[str | None]:
    """The texts that an expression can have, with holes for placeholders; None where that cannot be told."""
    match node:
        case ast.Constant(str(text)):
            yield text
        case ast.JoinedStr(parts):
            yield "".join(part.value if isinstance(part, ast.Constant) else HOLE for part in parts)  # type: ignore[misc]
        case ast.IfExp(_, first, second):
            yield from texts(first, names)
            yield from texts(second, names)
        case ast.BinOp(left, ast.Add(), right):
            for first_text in texts(left, names):
                for second_text in texts(right, names):
                    yield None if first_text is None or second_text is None else first_text + second_text
        case ast.Name(name) if name in names:
            for value in names[name]:
                yield from texts(value, {other: values for other, values in names.items() if other != name})
        case ast.Call(ast.Name(name)) if name in SENTENCES:
            yield f"{HOLE}."
        case _:
            yield None


@dataclass
class Makers:
    """Functions that take a message and make an InputError of it, with the message's place among their arguments."""

    places: dict[str, int] = field(default_factory=lambda: {"InputError": 0, "bad_checkpoint": 0})

    def add(self, function: Function, parameter: str) -> bool:
        """Note a function that hands its parameter on as a message; False where it is known already."""
        parameters = [argument.arg for argument in function.args.args if argument.arg not in ("self", "cls")]
        if function.name in self.places or parameter not in parameters:
            return False
        self.places[function.name] = parameters.index(parameter)
        return True


def called(call: ast.Call) -> str:
    """The name of the function that is called, without its module or object."""
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def calls(tree: ast.Module) -> Iterator[tuple[ast.Call, Function | None]]:
    """Every call in a file, with the innermost function around it."""

    def walk(node: ast.AST, around: Function | None) -> Iterator[tuple[ast.Call, Function | None]]:
        if isinstance(node, ast.Call):
            yield node, around
        inner = node if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else around
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inner)

    yield from walk(tree, None)


def assigned(function: Function | None) -> dict[str, list[ast.expr]]:
    """Name → the expressions that a function assigns to it."""
    names: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function) if function else ():
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names.setdefault(node.targets[0].id, []).append(node.value)
        elif (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Tuple)
            and isinstance(node.value, ast.Tuple)
        ):
            for target, value in zip(node.targets[0].elts, node.value.elts, strict=True):
                if isinstance(target, ast.Name):
                    names.setdefault(target.id, []).append(value)
    return names


def sentence_faults(text: str, subject: str) -> Iterator[str]:
    """What is wrong with a whole message; ``subject`` is the first part of the field's name, or ""."""
    if not text.endswith(".") or text.endswith((" .", "..")):
        yield "it does not end with one full stop"
    begins = text.removeprefix("--")
    if not (begins[:1].isupper() or begins.startswith((HOLE, *NAMES)) or (subject and begins.startswith(subject))):
        yield "it begins neither with a capital, a placeholder nor the field's name"
    if "  " in text:
        yield "it has two spaces in a row"
    if re.search(r"allowed( are|:)", text):
        yield "it does not say what is allowed by '; allowed is …'"


def clause_faults(text: str, what: str) -> Iterator[str]:
    """What is wrong with a part of a message, which is no sentence of its own."""
    if text.endswith((".", ";", ":", ",", " ")) or text.startswith(" "):
        yield f"{what} ends with a punctuation mark, or has a space at an end"
    if "  " in text:
        yield f"{what} has two spaces in a row"


def refuse_faults(call: ast.Call, names: dict[str, list[ast.expr]]) -> Iterator[str]:
    """What is wrong with a call of refuse(field, value, what, allowed)."""
    if len(call.args) < 4:
        yield "refuse takes field, value, what and allowed by position"
        return
    for text in texts(call.args[2], names):
        if text is not None:
            yield from clause_faults(text, "what")
            if text[:1].isupper():
                yield "what begins with a capital"
    for text in texts(call.args[3], names):
        if text is not None:
            yield from clause_faults(text, "allowed")


def faults(trees: dict[str, ast.Module]) -> list[str]:
    """Everything that is wrong with the messages in some files, and nothing where all are right."""
    found: list[str] = []
    every = [(name, *call) for name, tree in trees.items() for call in calls(tree)]
    makers, again = Makers(), True
    while again:  # until no further function is found that hands a message on
        found, again = [], False
        for name, call, around in every:
            rows, more = call_faults(call, around, makers)
            again |= more
            found += [f"{name}:{call.lineno}: {row}" for row in rows]
    return found


def call_faults(call: ast.Call, around: Function | None, makers: Makers) -> tuple[list[str], bool]:
    """(what is wrong with one call, whether it showed a function that hands a message on)."""
    maker = called(call)
    if maker == "refuse":
        return list(refuse_faults(call, assigned(around))), False
    if maker not in makers.places or len(call.args) <= makers.places[maker]:
        return [], False
    names = assigned(around)
    message = call.args[makers.places[maker]]
    if around and isinstance(message, ast.Name) and message.id not in names:
        return [], makers.add(around, message.id)
    headline = maker == "bad_checkpoint" and len(call.args) > 1  # the problems follow
    fields = [text for word in call.keywords if word.arg == "field" for text in texts(word.value, names)]
    subject = (fields[0] or "").split(".")[0] if fields else ""
    rows = []
    for text in texts(message, names):
        if text is None:
            rows.append("the message cannot be read here; write it in the call")
        elif headline:
            rows += clause_faults(text, "the headline")
        else:
            rows += sentence_faults(text, subject)
    return rows, False


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    paths = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def test_every_message_is_a_whole_sentence(trees: dict[str, ast.Module]) -> None:
    assert faults(trees) == []


def test_the_walk_meets_the_messages(trees: dict[str, ast.Module]) -> None:
    names = [called(call) for tree in trees.values() for call, _ in calls(tree)]
    assert names.count("refuse") > 50 and names.count("InputError") > 50 and names.count("bad_checkpoint") > 20


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("raise InputError('Too large')", "full stop"),
        ("raise InputError(f'{name} is too large')", "full stop"),
        ("raise InputError(f'Too {name}  large.')", "two spaces"),
        ("raise InputError('too large.')", "begins neither"),
        ("raise InputError('size is 3.', field='width')", "begins neither"),
        ("raise InputError('Size is 3; allowed are 1 and 2.')", "allowed is"),
        ("raise InputError('Size is 3; allowed: 2.')", "allowed is"),
        ("raise InputError(str(error))", "cannot be read"),
        ("refuse('size', 3, 'is 3.', '1 or 2')", "what ends"),
        ("refuse('size', 3, 'Is 3', '1 or 2')", "capital"),
        ("refuse('size', 3, 'is 3', '1 or 2.')", "allowed ends"),
        ("raise bad_checkpoint('It is broken.', problems)", "headline ends"),
        ("def f():\n    message = 'too large'\n    raise InputError(message)", "full stop"),
        ("def wrong(text):\n    return InputError(text)\nraise wrong('Too large')", "full stop"),
        ("raise InputError('Too ' 'large' if x else 'Fine.')", "full stop"),
    ],
)
def test_a_message_of_another_form_is_found(source: str, fault: str) -> None:
    assert any(fault in row for row in faults({"a.py": ast.parse(source)}))


@pytest.mark.parametrize(
    "source",
    [
        "raise InputError('The file is too large; allowed is at most 3 bytes.')",
        "raise InputError(f'{name} is too large.')",
        "raise InputError('size is 3; allowed is 2.', field='size')",
        "raise InputError('request has both; allowed is one.', field=f'request.{name}')",
        "raise InputError(f'--{option} is 3; allowed is 2.')",
        "refuse(f'style.{c}', 3, f'is {value}', '2')",
        "raise bad_checkpoint(f'{name} does not fit', problems)",
        "def wrong(text):\n    return InputError(text)\nraise wrong('It is too large.')",
    ],
)
def test_messages_of_the_right_form_pass(source: str) -> None:
    assert faults({"a.py": ast.parse(source)}) == []
