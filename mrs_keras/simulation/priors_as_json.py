"""Priors as plain JSON data, and back."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from mrs_keras.checks import check_choice
from mrs_keras.simulation.distributions import Distribution, Fixed, LogNormal, Normal, UniformRange
from mrs_keras.simulation.joint_distributions import Empirical, Joint, JointNormal, Member

_KINDS = {kind.kind: kind for kind in (Fixed, Normal, LogNormal)}
_JOINT_KINDS = {kind.kind: kind for kind in (JointNormal, Empirical)}


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
        return value.to_plain() if isinstance(value, Distribution) else value

    fields = {field.name: getattr(prior, field.name) for field in dataclasses.fields(prior)}
    left_out = (
        "description",
        "snr" if prior.snr is None else "",
        *(() if prior.effects else ("effects", "water_lines")),
    )
    content = {name: to_plain(value) for name, value in fields.items() if name not in left_out}
    return {**content, **({"joints": [joint.to_plain() for joint in joints]} if joints else {})}


def prior_from_plain(content: Mapping) -> dict:
    """Returns the arguments of the prior from the output of `prior_to_plain`.

    Raises:
      ValueError: if a distribution is unknown, or one of its arguments is wrong.
    """
    joints = [_joint_from_plain(joint) for joint in content.get("joints", ())]

    def leaf(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return UniformRange(*value)
        if isinstance(value, Mapping) and "distribution" in value:
            return _from_plain(value, joints)
        return {name: leaf(each) for name, each in value.items()} if isinstance(value, Mapping) else value

    return {name: leaf(value) for name, value in content.items() if name != "joints"}


def _from_plain(content: Mapping, joints: list[Joint]) -> Distribution:
    content = dict(content)
    kind = check_choice("distribution", content.pop("distribution"), (*_KINDS, Member.kind))
    return joints[content["joint"]][content["name"]] if kind == Member.kind else _KINDS[kind](**content)


def _joint_from_plain(content: Mapping) -> Joint:
    content = dict(content)
    return _JOINT_KINDS[check_choice("distribution", content.pop("distribution", None), _JOINT_KINDS)](**content)
