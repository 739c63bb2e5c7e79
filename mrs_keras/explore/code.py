"""Python code that makes the spectrum of the page."""

from collections.abc import Mapping, Sequence

WIDTH = 100
"""Columns of the code."""


def code_of(model_code: str, state: Mapping) -> str:
    """Returns Python code whose `spectrum`, (points, 2), is that of a state.

    Args:
      model_code: defines `model`.
      state: `"kind"` with what it needs: `"generate"` (concentrations, seed), `"decode"` (z, concentrations, and with
        `"noise"` also the draw that the noise comes from: drawn_concentrations, seed), or `"interpolate"` (z_a, z_b,
        concentrations_a, concentrations_b, alpha, path).

    Raises:
      ValueError: if the kind is unknown.
    """
    kind = state.get("kind")
    if kind == "generate":
        lines = [
            _assigned("concentrations", [state["concentrations"]]),
            f'spectrum = model.generate(concentrations, seed={int(state["seed"])})["spectrum"][0]',
        ]
    elif kind == "decode":
        lines = [
            _assigned("z", [state["z"]]),
            _assigned("concentrations", [state["concentrations"]]),
            'spectrum = model.decode(z, concentrations)["spectrum"][0]',
        ]
        if state.get("noise"):
            lines += [
                _assigned("drawn", [state["drawn_concentrations"]]),
                f"generated = model.generate(drawn, seed={int(state['seed'])})",
                'noise = generated["spectrum"][0] - model.decode(generated["z"], drawn)["spectrum"][0]',
                "spectrum = spectrum + noise",
            ]
    elif kind == "interpolate":
        names = ("z_a", "z_b", "concentrations_a", "concentrations_b")
        lines = [_assigned(name, [state[name]]) for name in names]
        options = f"[{float(state['alpha'])!r}], path={state['path']!r}"
        lines += [f"ends = {', '.join(names)}", f'spectrum = model.interpolate(*ends, {options})["spectrum"][0]']
    else:
        raise ValueError(
            f"Unknown kind of spectrum. Expected 'generate', 'decode' or 'interpolate'. Received: {kind!r}."
        )
    return "\n".join([model_code, *lines, "print(spectrum.shape)  # real and imaginary part of each point"]) + "\n"


def _assigned(name: str, rows: Sequence[Sequence[float]]) -> str:
    """Returns `name = rows`, broken where it is longer than `WIDTH`."""
    numbers = [f"{float(number):.9g}" for number in rows[0]]
    text = f"{name} = [[{', '.join(numbers)}]]"
    if len(text) <= WIDTH:
        return text
    lines, line = [], "   "
    for number in numbers:
        if len(line) + len(number) + 2 > WIDTH:
            lines.append(line)
            line = "   "
        line += f" {number},"
    return "\n".join([f"{name} = [[", *lines, line, "]]"])
