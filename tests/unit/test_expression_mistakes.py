"""What people write where they mean an expression: each is told with the place and the right form, and that form compiles."""

import re
from typing import Final

import pytest

from advanced_workflow.workflows.errors import ExpressionInvalid
from advanced_workflow.workflows.expressions import compile_expression, explained
from advanced_workflow.workflows.expressions.mistakes.mistake import Known

ROOTS: Final = frozenset({"input", "workflow", "steps", "run", "step"})
KNOWN: Final = Known(frozenset({"pay", "my-step"}), frozenset({"total"}), frozenset({"amount"}))

TEXT = "text needs quotes of its own"
WORDS = "this is text without quotes of its own"
HYPHEN = "names with a hyphen stand in brackets"

TABLE: Final = (
    # Text without quotes of its own.
    ("hello world", 1, WORDS, "'hello world'"),
    ("pending", 1, "unknown name 'pending'", "'pending'"),
    ("order-shipped", 1, WORDS, "'order-shipped'"),
    ("it's late", 1, WORDS, r"'it\'s late'"),
    ("this or that", 1, WORDS, "'this or that'"),
    ("order is late", 1, WORDS, "'order is late'"),
    ("  Ship it?", 3, WORDS, "'Ship it?'"),
    ("N/A", 1, WORDS, "'N/A'"),
    ("yes", 1, "unknown name 'yes'", "'yes'"),
    ("input.status == pending", 17, "unknown name 'pending'", "input.status == 'pending'"),
    ("'it''s'", 4, "has a backslash before it", r"'it\'s'"),
    ("'abc", 1, "has no ' at its end", "'abc'"),
    ("\u201chi\u201d", 1, "typographic quotes", "'hi'"),
    ("`hi`", 1, "backticks", "'hi'"),
    # Addresses, paths, dates and numbers as people write them.
    ("https://example.com/x?a=b", 1, f"an address is text, and {TEXT}", "'https://example.com/x?a=b'"),
    ("ann@example.com", 1, "a mail address", "'ann@example.com'"),
    ("/srv/in/a.csv", 1, "a path", "'/srv/in/a.csv'"),
    ("C:\\data\\x", 1, "a path", r"'C:\\data\\x'"),
    ("report.pdf", 1, "the name of a file", "'report.pdf'"),
    ("1.2.3", 1, "a version", "'1.2.3'"),
    ("v1.2", 1, "a version", "'v1.2'"),
    ("2024-01-01T00:00:00Z", 1, "a date", "'2024-01-01T00:00:00Z'"),
    ("12:30", 1, "a time of day", "'12:30'"),
    ("50%", 1, "a percentage", "'50%'"),
    ("90s", 1, "a duration", "'90s'"),
    ("+49 30 1234", 1, "a telephone number", "'+49 30 1234'"),
    ("100 EUR", 1, "an amount of money", "'100 EUR'"),
    ("1,000", 1, "without marks between its digits", "1000"),
    ("1,5", 1, "a point, not a comma", "1.5"),
    # Operators in two parts, names with other letters, types, parts of lists.
    ("input.x < = 3", 9, "without a blank", "input.x <= 3"),
    ("input.x = = 3", 9, "without a blank", "input.x == 3"),
    ("input.gr\u00f6\u00dfe == 5", 6, "other letters than a to z", "input['gr\u00f6\u00dfe'] == 5"),
    ("steps.pay.output.\u65e5\u672c", 17, "other letters than a to z", "steps.pay.output['\u65e5\u672c']"),
    ("type(input.x) == integer", 1, "CEL calls this type otherwise", "type(input.x) == int"),
    ("type(input.x) == null", 1, "CEL calls this type otherwise", "type(input.x) == null_type"),
    ("type(input.x) == 'str'", 15, "without quotes", "type(input.x) == string"),
    ("isinstance(input.x, dict)", 1, "a type is compared", "type(input.x) == map"),
    ("distinct(input.list)", 1, "is a method in CEL", "input.list.distinct()"),
    ("input.list.unique()", 11, "CEL has no 'unique'", "input.list.distinct()"),
    ("input.list[0:2]", 11, "a part of a list", "input.list.slice(0, 2)"),
    ("input.items.sum(x, x.price)", 12, "sum() takes no expression", "input.items.map(x, x.price).sum()"),
    # Templates.
    ("{{ input.x }}", 1, "'{{' is of a template language", "input.x"),
    ("Hello {{ input.name }}!", 7, "text in it needs quotes", "'Hello ' + string(input.name) + '!'"),
    ("${input.x}", 1, "'${' is of a template language", "input.x"),
    ("Hi ${inputs.name}", 4, "'${' is of a template language", "'Hi ' + string(input.name)"),
    ("={{ $json.x }}", 1, "'{{' is of a template language", "input.x"),
    ("<%= input.x %>", 1, "template language", "input.x"),
    ("f'Hi {input.x}'", 1, "f-string", "'Hi ' + string(input.x)"),
    ("$.x", 1, "JSONPath", "input.x"),
    ("$.steps.pay.output.id", 1, "JSONPath", "steps.pay.output.id"),
    ("{input.x}", 1, "braces make a map", "input.x"),
    # Operators and words of other languages.
    ("input.a = 1", 9, "'=' compares nothing", "input.a == 1"),
    ("input.a === 1", 9, "has no '==='", "input.a == 1"),
    ("input.a <> 1", 9, "has no '<>'", "input.a != 1"),
    ("input.a => 3", 9, "'at least' is '>='", "input.a >= 3"),
    ("input.a ! = 3", 9, "without a blank", "input.a != 3"),
    ("input.a and input.b", 9, "'and' is '&&'", "input.a && input.b"),
    ("input.a OR input.b", 9, "'OR' is '||'", "input.a || input.b"),
    ("not input.a", 1, "'not' is '!'", "!input.a"),
    ("not input.a == 3 and input.b", 1, "'not' is '!'", "!(input.a == 3) && input.b"),
    ("input.a & input.b", 9, "no '&' alone", "input.a && input.b"),
    ("input.a | input.b", 9, "no '|' alone", "input.a || input.b"),
    ("input.a is None", 9, "'is' is '=='", "input.a == null"),
    ("input.a is not None", 9, "'is not' is '!='", "input.a != null"),
    ("input.a == None", 12, "it is null", "input.a == null"),
    ("True", 1, "'True' is true", "true"),
    ("input.a if input.b else 1", 1, "CONDITION ? A : B", "input.b ? input.a : 1"),
    ("if input.a then 1 else 2", 1, "CONDITION ? A : B", "input.a ? 1 : 2"),
    ("input.x or 'nobody'", 1, "a default is x.?field.orValue(...)", "input.?x.orValue('nobody')"),
    ("input.a.x || 'nobody'", 1, "joins two conditions", "input.?a.x.orValue('nobody')"),
    ("input.x || 0", 1, "joins two conditions", "input.?x.orValue(0)"),
    ("input.x or []", 1, "joins two conditions", "input.?x.orValue([])"),
    ("input.x ?? 1", 1, "there is no '??'", "input.?x.orValue(1)"),
    ("input?.x", 6, "read with '.?'", "input.?x.orValue(null)"),
    ("input.?x", 0, "needs a value", "input.?x.orValue(null)"),
    ("input.a not in [1]", 1, "!(x in list)", "!(input.a in [1])"),
    ("input.x in (1, 2)", 9, "a list stands in brackets", "input.x in [1, 2]"),
    ("input.a == 'x' or 'y'", 1, "one of several values", "input.a in ['x', 'y']"),
    ("5 < input.a < 10", 1, "two comparisons in a row", "5 < input.a && input.a < 10"),
    ("input.x contains 'a'", 1, "x.contains('...')", "input.x.contains('a')"),
    ("input.x like '%a%'", 9, "no 'like'", "input.x.contains('a')"),
    ("input.items.0.price", 12, "an item of a list", "input.items[0].price"),
    ("input.items[*].x", 1, "all items of a list", "input.items.map(one, one.x)"),
    ("[x.id for x in input.y]", 1, "list.map(one, ...)", "input.y.map(x, x.id)"),
    ("input.items.map(x => x.id)", 16, "two arguments", "input.items.map(x, x.id)"),
    ("input.a; ", 8, "';' at its end", "input.a"),
    ("(input.a", 1, "its ')' is missing", "(input.a)"),
    ("input.a)", 8, "nothing is open", "input.a"),
    # Functions.
    ("len(input.a)", 1, "CEL has no 'len'", "size(input.a)"),
    ("input.name.lower()", 11, "CEL has no 'lower'", "input.name.lowerAscii()"),
    ("lower(input.name)", 1, "a method in CEL", "input.name.lowerAscii()"),
    ("now()", 1, "has no clock", "timestamp(run.started_at)"),
    ("input.get('x', 3)", 6, "a default is", "input[?'x'].orValue(3)"),
    ("max(input.a, 3)", 1, "CEL has no 'max'", "math.greatest(input.a, 3)"),
    # Names.
    ("inputs.x", 1, "unknown name 'inputs'", "input.x"),
    ("Input.total", 1, "unknown name 'Input'", "input.total"),
    ("variables.x", 1, "unknown name 'variables'", "workflow.x"),
    ("outputs.pay.id", 1, "unknown name 'outputs'", "steps.pay.output.id"),
    ("output.x", 1, "unknown name 'output'", "steps.ID.output.x"),
    ("pay.output.id", 1, "unknown name 'pay'", "steps.pay.output.id"),
    ("total", 1, "unknown name 'total'", "workflow.total"),
    ("amount > 3", 1, "unknown name 'amount'", "input.amount > 3"),
    ("order.total", 1, "unknown name 'order'", "input.order.total"),
    ("my-step.output.x", 1, HYPHEN, "steps['my-step'].output.x"),
    ("'a' + steps.my-step.output.x", 7, HYPHEN, "'a' + steps['my-step'].output.x"),
    ("input.first-name", 13, HYPHEN, "input['first-name']"),
    # Kinds of values, and patterns.
    ("'a' + 5", 5, "text and a number do not join", "'a' + string(5)"),
    ("'a' + input.b + 5", 15, "text and a number do not join", "'a' + input.b + string(5)"),
    (r"input.s.matches('^\d+$')", 17, "r'...'", r"input.s.matches(r'^\d+$')"),
    # Several at once.
    ("inputs.x === 'it' and not outputs.pay.ok", 10, "has no '==='", "input.x == 'it' && !steps.pay.output.ok"),
)
TOLD: Final = (
    ("{% if x %}a{% endif %}", 1, "'{%' is of a template language", "Write CONDITION ? A : B"),
    ("item.x", 1, "'item' is known only inside a step with 'for_each'", "Here an expression may use input, run"),
    ("input.first name", 13, "the expression is complete before 'name'", "input['first name']"),
    ("input.x ? 1", 12, "ends too early", "': B' after CONDITION ? A"),
    ("~input.x", 1, "'~' means nothing in CEL", "The operators are"),
    ("'5' > 3", 5, "text and a number do not go together with '>'", "double(...)"),
    ("trims(input.x)", 6, "unknown function 'trims'", "Did you mean 'trim'?"),
    ("input.s.matches('(?=a)')", 17, "not a regular expression of RE2", "looks neither ahead nor behind"),
    ("input.s.matches('*x')", 17, "not a regular expression of RE2", "anything at all is '.*'"),
    ("input.s.matches('(')", 17, "not a regular expression of RE2: missing )", "Close each bracket"),
)


def _explained(source: str) -> ExpressionInvalid:
    with pytest.raises(ExpressionInvalid) as refused:
        compile_expression(source, ROOTS)
    return explained(refused.value, ROOTS, KNOWN)


def _form(fix: str) -> str:
    """The expression that an advice shows, as a definition's YAML would give it."""
    found = re.search(r'"((?:\\.|[^"\\])*)"', fix)
    if found is not None:
        return found[1].replace('\\"', '"').replace("\\\\", "\\")
    plain = re.match(r"Write (.*?)(?:\.$|\. |, or )", fix)
    assert plain is not None, fix
    return plain[1]


@pytest.mark.parametrize(("source", "column", "reason", "form"), TABLE)
def test_a_mistake_is_told_with_its_place_and_the_right_form(source: str, column: int, reason: str, form: str) -> None:
    told = _explained(source)

    assert reason in told.reason
    assert (told.column, _form(told.fix) if source != "yes" else "'yes'") == (max(column, 1), form)
    compile_expression(form, ROOTS)
    assert str(told).endswith(f". {told.fix}")


@pytest.mark.parametrize(("source", "column", "reason", "advice"), TOLD)
def test_what_has_no_certain_form_is_told_with_advice(source: str, column: int, reason: str, advice: str) -> None:
    told = _explained(source)

    assert reason in told.reason
    assert advice in told.fix
    assert told.column == column


def test_a_place_that_takes_no_text_is_not_advised_to_have_some() -> None:
    with pytest.raises(ExpressionInvalid) as refused:
        compile_expression("hello world", ROOTS)

    told = explained(refused.value, ROOTS, may_be_text=False, fix="Write a number.")
    assert (told.reason, told.fix) == ("the expression is complete before 'world'", "Write a number.")


@pytest.mark.parametrize(
    "source",
    [
        "(" * 400,
        "a = " * 200,
        "input.x " * 120,
        "{{" * 400,
        "'" * 401,
        "[x for " * 100,
        "1 < " * 200,
        f"lower({chr(39)}{chr(120) * 300}{chr(39)} +",
    ],
)
def test_the_worst_of_texts_is_told_soon(source: str) -> None:
    """The pattern of a rule that takes more than linear time would take minutes here."""
    assert _explained(source).reason
