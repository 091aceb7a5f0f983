"""The tables of states as pictures: Mermaid text that GitHub and most editors draw. Pure."""

from enum import StrEnum

from payments.states import Moves


def mermaid(moves: Moves, states: type[StrEnum]) -> str:
    """A state diagram of a table; an arrow is labelled with what it announces.

    Arrows stand in the order of the states, the first of which is the start. A table may also name
    the birth itself, as a move from the empty state.
    """
    order = {"": -1} | {state.value: number for number, state in enumerate(states)}
    arrows = sorted(moves, key=lambda move: (order[move[0]], order[move[1]]))
    lines = ["stateDiagram-v2"]
    if "" not in {current for current, _ in moves}:
        lines.append(f"    [*] --> {next(iter(states))}")
    for current, target in arrows:
        event = moves[current, target]
        label = f" : {event}" if event else ""
        lines.append(f"    {current or '[*]'} --> {target}{label}")
    leaving = {current for current, _ in moves}
    lines.extend(f"    {state} --> [*]" for state in states if state not in leaving)
    return "\n".join(lines) + "\n"
