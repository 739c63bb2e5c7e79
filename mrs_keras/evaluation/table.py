"""The main numbers of an evaluation and their targets as a text table."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping

from mrs_keras.evaluation.report.format import percent
from mrs_keras.evaluation.targets import Target


@dataclasses.dataclass(frozen=True)
class Form:
    """Format of a number.

    Attributes:
      value: writes a measured value; `{latent_dim}` in it stands for the number of latents.
      target: writes the value of a target.
    """

    value: Callable[..., str]
    target: Callable[..., str]


def _monotone(value: bool) -> str:
    return "monotone" if value else "not monotone"


PERCENT = Form(percent, lambda value: f"{100 * value:g} %")
SHARE = Form(lambda value: f"{100 * value:.1f} %", lambda value: f"{100 * value:g} %")
STATISTIC = Form("{:.3f}".format, "{:.2f}".format)
RATIO = Form("{:.2f}".format, "{:g}".format)
LATENTS = Form("{} of {{latent_dim}}".format, str)
MONOTONE = Form(_monotone, _monotone)


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the table, or several.

    Attributes:
      path: of the number, as `number_at` takes it. A key in braces gives a row for each key there: `{prior}` for each
        latent prior of the model, any other name for all keys.
      label: in the table. Names in braces in the path, and `{latent_dim}`, can be used.
      form: format of the number.
    """

    path: str
    label: str
    form: Form


def main_table(numbers: Mapping, rows: Iterable[Row], targets: Mapping[str, Target], priors: Mapping[str, str]) -> str:
    """Returns the main numbers of an evaluation as a table, with their targets if there are any.

    Args:
      numbers: as `mrs_keras.evaluate` returns them. Rows without a number are left out.
      rows: in their order.
      targets: path of a number -> target, as `targets_of` returns them.
      priors: name of a latent prior -> label.
    """
    lines = []
    for row in rows:
        for path, names in _paths(row.path.split("."), numbers, priors):
            names = {**names, "latent_dim": numbers["latent_dim"]}
            value = row.form.value(number_at(numbers, path)).format(**names)
            target = targets[path].written(row.form.target) if path in targets else ""
            lines.append((row.label.format(**names), value, target))
    header = ("", "measured", "expected" if any(target for *_, target in lines) else "")
    width = max(len(label) for label, *_ in lines)
    text = [f"{label:{width}}  {value:>12}  {target}".rstrip() for label, value, target in [header, *lines]]
    return "\n".join([*text, *([numbers["failure"]] if "failure" in numbers else [])])


def number_at(numbers: Mapping, path: str) -> float | bool:
    """Returns a number of an evaluation.

    Args:
      numbers: nested, as `mrs_keras.evaluate` returns them.
      path: its keys, separated by dots; `*` means the largest of all.

    >>> number_at({"labels": {"NAA": {"r2": 0.1}, "PCr": {"r2": 0.3}}}, "labels.*.r2")
    0.3
    """
    key, _, rest = path.partition(".")
    values = numbers.values() if key == "*" else [numbers[key]]
    return max(number_at(value, rest) if rest else value for value in values)


def _paths(keys: list[str], numbers, priors: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields each existing path for keys with names in braces, and the values of the names."""
    if not keys:
        yield "", {}
        return
    if not isinstance(numbers, Mapping):
        return
    key, *rest = keys
    name = key[1:-1] if key.startswith("{") else None
    if key == "*":
        found = {key: next(iter(numbers.values()), None)}
    elif name is None:
        found = {key: numbers[key]} if key in numbers else {}
    else:
        found = {each: value for each, value in numbers.items() if name != "prior" or each in priors}
    for each, value in found.items():
        for path, names in _paths(rest, value, priors):
            label = {} if name is None else {name: priors[each] if name == "prior" else each}
            yield f"{each}.{path}" if path else each, {**label, **names}
