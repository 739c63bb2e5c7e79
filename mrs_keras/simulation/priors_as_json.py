"""Priors as plain JSON data, and back."""

import dataclasses
import numbers
from collections.abc import Mapping
from typing import Any

from mrs_keras.checks import check_choice
from mrs_keras.simulation.copula import GaussianCopula
from mrs_keras.simulation.distributions import Distribution, Fixed, LogNormal, Normal, UniformRange
from mrs_keras.simulation.joint_distributions import Empirical, Joint, JointNormal, Member, Scaled
from mrs_keras.simulation.kernel_distribution import Kernel
from mrs_keras.simulation.mean_residual import MeanResidual
from mrs_keras.simulation.splines import SplineBaseline

_KINDS = {kind.kind: kind for kind in (Fixed, Normal, LogNormal)}
_CLASSES = {"baseline_splines": lambda content: SplineBaseline(**content), "residual": MeanResidual.from_dict}
_AS_IS = ("fitted_to", "reference")
_JOINT_KINDS = {kind.kind: kind for kind in (JointNormal, Empirical, Kernel, GaussianCopula)}


def prior_to_plain(prior: Any) -> dict:
    """Returns a prior as plain data: uniform ranges as [low, high], joint distributions once, in a list."""
    joints: list[Joint] = []

    def to_plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: to_plain(leaf) for name, leaf in value.items()}
        if isinstance(value, Member):
            if not any(joint is value.joint for joint in joints):
                joints.append(value.joint)
            number = next(number for number, joint in enumerate(joints) if joint is value.joint)
            return {"distribution": Member.kind, "joint": number, "name": value.name}
        if isinstance(value, Scaled):
            factor = to_plain(value.factor)
            return {"distribution": Scaled.kind, "member": to_plain(value.member), "factor": factor, "of": value.of}
        if isinstance(value, list | tuple):
            return [to_plain(each) for each in value]
        if isinstance(value, SplineBaseline | MeanResidual):
            return value.to_dict()
        return value.to_plain() if isinstance(value, Distribution) else value

    fields = {field.name: getattr(prior, field.name) for field in dataclasses.fields(prior)}
    left_out = (
        # Presets are known by name, and datasets by what is in their metadata; what fits were of, no other place says.
        *(("description",) if "fitted_to" not in fields else ()),
        *(() if prior.effects else ("effects", "water_lines")),
        *(() if prior.groups else ("groups", "shifts")),
        *(() if prior.baseline_splines is None else ("baseline_order",)),
    )
    content = {
        name: value if name in _AS_IS else to_plain(value)
        for name, value in fields.items()
        if name not in left_out and value is not None
    }
    return {**content, **({"joints": [joint.to_plain() for joint in joints]} if joints else {})}


def prior_from_plain(content: Mapping) -> dict:
    """Returns the arguments of the prior from the output of `prior_to_plain`.

    Raises:
      ValueError: if a distribution is unknown, or one of its arguments is wrong.
    """
    joints = [_joint_from_plain(joint) for joint in content.get("joints", ())]

    def leaf(value: Any) -> Any:
        if isinstance(value, list | tuple):
            of_numbers = all(isinstance(each, numbers.Real) for each in value)
            return UniformRange(*value) if of_numbers else tuple(leaf(each) for each in value)
        if isinstance(value, Mapping) and "distribution" in value:
            return _from_plain(value, joints)
        return {name: leaf(each) for name, each in value.items()} if isinstance(value, Mapping) else value

    def argument(name: str, value: Any) -> Any:
        if name in _AS_IS or value is None:
            return value
        return _CLASSES[name](value) if name in _CLASSES else leaf(value)

    return {name: argument(name, value) for name, value in content.items() if name != "joints"}


def _from_plain(content: Mapping, joints: list[Joint]) -> Distribution:
    content = dict(content)
    kind = check_choice("distribution", content.pop("distribution"), (*_KINDS, Member.kind, Scaled.kind))
    if kind == Scaled.kind:
        return Scaled(_from_plain(content["member"], joints), _single(content["factor"], joints), content["of"])
    return joints[content["joint"]][content["name"]] if kind == Member.kind else _KINDS[kind](**content)


def _single(value: Any, joints: list[Joint]) -> Distribution:
    """Returns a distribution of one parameter."""
    return UniformRange(*value) if isinstance(value, list | tuple) else _from_plain(value, joints)


def _joint_from_plain(content: Mapping) -> Joint:
    content = dict(content)
    kind = _JOINT_KINDS[check_choice("distribution", content.pop("distribution", None), _JOINT_KINDS)]
    if kind is GaussianCopula:
        content["leaves"] = [_single(leaf, []) for leaf in content["leaves"]]
    return kind(**content)
