"""`make mutants`: change the pure rules in every small way and see that a test of theirs fails.

mutmut makes the mutants (pyproject.toml says of what); unlike its own runner, which knows function
bodies only, this one takes those of tables, patterns and defaults as well. A mutant of
payments/<rule>.py has to be seen by tests/rules/test_<rule>.py, without database or settings.
"""

import difflib
import importlib.util
import multiprocessing
import os
import signal
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import libcst
import pytest
from mutmut.mutation.file_mutation import create_mutations
from mutmut.mutation.mutators import mutation_operators

ROOT = Path(__file__).resolve().parent.parent
AT_LEAST = 0.95
PATIENCE_SECONDS = 30
_PYTEST = [
    *("-x", "-q", "-c", os.devnull, "--rootdir=.", "--noconftest", "--import-mode=importlib"),
    *("-p", "no:cacheprovider", "-p", "no:django", "-p", "no:playwright", "-p", "no:valkey"),
]
# Mutants that behave like the original whatever is passed in, and why.
EQUIVALENT = {
    "payments/states.py: - Moves = Mapping[tuple[str, str], str | None] + Moves = None": (
        "a name for the type checker, which nothing looks at when it runs"
    ),
    "payments/subscriber.py: - is_future = today.year < year <= today.year + 100"
    " + is_future = today.year <= year <= today.year + 100": (
        "this year is no year that is refused here"
    ),
}


@dataclass(frozen=True)
class Mutant:
    """One changed module: `payments/money.py`, its whole text, and the change to be read."""

    path: str
    text: str
    change: str


def main() -> int:
    """Try every mutant; the exit status is 1 when a module's tests see too few of them."""
    os.chdir(ROOT)
    # Far from Korea, so that a forgotten time zone shows.
    os.environ["TZ"] = "UTC"
    time.tzset()
    settings = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["mutmut"]
    hypothesis.settings.register_profile("mutants", derandomize=True, database=None, deadline=None)
    hypothesis.settings.load_profile("mutants")
    mutation_operators.append((libcst.Dict, _without_one))
    fork = multiprocessing.get_context("fork")
    is_enough = True
    known = set(EQUIVALENT)
    for path in settings["source_paths"]:
        mutants = list(_mutants(path))
        unchanged = Mutant(path, Path(path).read_text(), "nothing")
        # A process for each: what a mutant leaves behind must not meet the next one.
        with fork.Pool(os.cpu_count(), maxtasksperchild=1) as pool:
            assert pool.map(_end, [unchanged]) == ["survived"], f"the tests of {path} fail"
            ends = pool.map(_end, mutants, chunksize=1)
        alive = [m.change for m, end in zip(mutants, ends, strict=True) if end == "survived"]
        same = [change for change in alive if change in EQUIVALENT]
        known -= set(same)
        born = len(mutants) - ends.count("stillborn")
        score = ends.count("killed") / (born - len(same))
        is_enough = is_enough and score >= AT_LEAST
        print(
            f"{path}: mutants={born} killed={ends.count('killed')} equivalent={len(same)}"
            f" survived={len(alive) - len(same)} score={score:.1%}",
            flush=True,
        )
        for change in alive:
            why = EQUIVALENT.get(change)
            print(f"  equivalent, {why}: {change}" if why else f"  survived: {change}")
    for change in sorted(known):
        print(f"named as equivalent, but no longer there or killed: {change}")
    return 0 if is_enough and not known else 1


def _without_one(node: libcst.Dict) -> Iterator[libcst.Dict]:
    """A table that lacks a line: mutmut has no such mutant."""
    for number in range(len(node.elements)):
        yield node.with_changes(elements=[*node.elements[:number], *node.elements[number + 1 :]])


def _mutants(path: str) -> Iterator[Mutant]:
    original = Path(path).read_text()
    module, mutations, *_ = create_mutations(path, original)
    for mutation in mutations:
        changed = module.deep_replace(mutation.original_node, mutation.mutated_node)
        assert isinstance(changed, libcst.Module)
        yield Mutant(path, changed.code, f"{path}: {_change(original, changed.code)}")


def _change(before: str, after: str) -> str:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return " ".join(" ".join(line.split()) for line in lines if line[0] in "-+")


def _end(mutant: Mutant) -> str:
    """How it fared: `stillborn` cannot even be imported and counts for nothing."""
    signal.alarm(PATIENCE_SECONDS)
    signal.signal(signal.SIGALRM, _too_long)
    try:
        _put_in_place(mutant)
    except Exception:
        return "stillborn"
    tests = f"tests/rules/test_{Path(mutant.path).stem}.py"
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        try:
            return "survived" if pytest.main([*_PYTEST, tests]) == pytest.ExitCode.OK else "killed"
        except TimeoutError:
            return "killed"


def _put_in_place(mutant: Mutant) -> None:
    name = mutant.path.removesuffix(".py").replace("/", ".")
    spec = importlib.util.find_spec(name)
    assert spec is not None, name
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    exec(compile(mutant.text, mutant.path, "exec"), module.__dict__)
    package, _, own = name.rpartition(".")
    setattr(sys.modules[package], own, module)


def _too_long(*_: object) -> None:
    raise TimeoutError


if __name__ == "__main__":
    sys.exit(main())
