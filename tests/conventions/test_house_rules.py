"""Rules of the house that a reader of the code relies on; each is a small look at the source."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("portal", "support", "payments")


def sources(*, skip: tuple[str, ...] = ()) -> Iterator[tuple[Path, ast.Module]]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if "/migrations/" not in name and not name.startswith(skip):
                yield path, ast.parse(path.read_text())


def _is_word(node: ast.AST | None, *words: str) -> bool:
    return isinstance(node, ast.Constant) and node.value in words


def assigns_state(tree: ast.AST) -> Iterator[int]:
    """Every `x.state = …`, also by setattr."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "setattr"
            and any(_is_word(argument, "state") for argument in node.args)
        ):
            yield node.lineno
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        flat = [part for target in targets for part in ast.walk(target)]
        if any(isinstance(part, ast.Attribute) and part.attr == "state" for part in flat):
            yield node.lineno


def updates_state(tree: ast.AST) -> Iterator[int]:
    """Every `.update(state=…)`, also by `**{"state": …}` and `bulk_update(…, ["state"])`."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"update", "bulk_update", "update_or_create"}
            and (
                any(keyword.arg == "state" for keyword in node.keywords)
                or any(_is_word(part, "state") for part in ast.walk(node))
            )
        ):
            yield node.lineno


def sends_with_delay(tree: ast.AST) -> Iterator[int]:
    """Every task sent with `countdown`, `eta`, or sent at all outside the clock."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict) and any(_is_word(k, "countdown", "eta") for k in node.keys):
            yield node.lineno
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        keywords = {keyword.arg for keyword in node.keywords}
        if name in {"delay", "apply_async", "delay_on_commit", "send_task"} or keywords & {
            "countdown",
            "eta",
        }:
            yield node.lineno


def reads_the_clock(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"now", "today"}
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in {"timezone", "datetime", "date"}
        ):
            yield node.lineno


def mentions_atomic(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"atomic", "on_commit"}:
            yield node.lineno


# What may write a `state`: the mutators of the tables, an error that carries one, and the outcome
# of a call, which has no table of moves.
STATE_WRITERS = {
    "payments/models/moving.py move_to",
    "payments/checkout/rows.py __init__",
    "payments/models/calls.py set_outcome",
    "payments/models/settlement.py finish",
    "payments/refunds/sending.py _intend",
}
STATE_UPDATERS = {
    "payments/checkout/identifying.py _close",
    "payments/checkout/confirming.py _close_confirm",
    "payments/checkout/rows.py close_open_calls",
}


def found_in_functions(check: Callable[[ast.AST], Iterator[int]]) -> set[str]:
    """`path function` of every hit outside the sandbox operator."""
    return {
        f"{path.relative_to(ROOT).as_posix()} {function.name}"
        for path, tree in sources(skip=("payments/carriers/sandbox",))
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for _ in check(function)
    }


def test_a_state_is_only_assigned_by_move_to() -> None:
    assert found_in_functions(assigns_state) - STATE_WRITERS == set()


def test_no_state_is_changed_by_update_but_of_calls() -> None:
    assert found_in_functions(updates_state) - STATE_UPDATERS == set()


def test_no_task_is_sent_by_hand_or_with_a_delay() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path, tree in sources()
        for line in sends_with_delay(tree)
    ]

    assert found == []


def test_the_clock_is_read_at_entry_points_only() -> None:
    entries = (
        "views",
        "middleware",
        "tasks",
        "admin",
        "management",
        "embedded",
        "sandbox",
        "demo",
        "camara",
    )
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path, tree in sources()
        for line in reads_the_clock(tree)
        if not any(entry in path.as_posix() for entry in entries)
    ]

    assert found == []


def test_entry_points_open_no_transaction() -> None:
    entries = ("/views/", "/tasks.py", "/admin.py", "/forms.py")
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path, tree in sources(skip=("payments/carriers/sandbox",))
        for line in mentions_atomic(tree)
        if any(entry in path.as_posix() for entry in entries)
    ]

    assert found == []


@pytest.mark.parametrize(
    ("check", "planted"),
    [
        (assigns_state, "payment.state = 'PAID'"),
        (assigns_state, "payment.state, x = 'PAID', 1"),
        (assigns_state, "setattr(payment, 'state', 'PAID')"),
        (updates_state, "Payment.objects.update(state='PAID')"),
        (updates_state, "Payment.objects.update(**{'state': 'PAID'})"),
        (updates_state, "Payment.objects.bulk_update(rows, ['state'])"),
        (sends_with_delay, "schedule = {'options': {'countdown': 5}}"),
        (sends_with_delay, "task.apply_async(countdown=5)"),
        (sends_with_delay, "task(eta=later)"),
        (reads_the_clock, "timezone.now()"),
        (mentions_atomic, "transaction.atomic"),
    ],
)
def test_each_rule_finds_a_planted_violation(check, planted: str) -> None:  # type: ignore[no-untyped-def]
    assert list(check(ast.parse(planted)))
