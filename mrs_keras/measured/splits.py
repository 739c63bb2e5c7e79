"""Splits of measured scans in which no subject appears in two splits."""

import hashlib
from collections.abc import Mapping
from typing import Literal

from mrs_keras.checks import check_choice
from mrs_keras.measured.subjects import subject_of

__all__ = ["split_subjects", "subject_of"]

SplitBy = Literal["subject", "site"]


def split_subjects(
    subjects: Mapping[str, str],
    seed: int = 0,
    validation: float = 0.2,
    test: float = 0.0,
    by: SplitBy = "subject",
) -> dict[str, str]:
    """Divides subjects into train, validation and test.

    The result depends on `seed` and on the set of subjects and their sites alone: within a site, subjects are ordered
    by a hash (BLAKE2b) of the seed and their name. All scans and sessions of a subject are in the same split.

    `by="subject"` takes subjects from every site. Of n subjects, round(n `test`) are held out for the test and
    round(n `validation`) for the validation, but at least one of each that is wanted. A site gives its share rounded
    down, and the sites with the largest remainders one more. At least one subject of each site is in train; sites with
    one subject count as one site together.

    `by="site"` holds out whole sites, in the order of their hash: at least one, and each further one that brings the
    number of subjects nearer to the wanted fraction. At least one site is in train.

    Args:
      subjects: participant, or name of a scan -> site.
      seed: of the order. Defaults to 0.
      validation: fraction of the subjects, from 0 to below 1. Defaults to 0.2.
      test: fraction of the subjects, from 0 to below 1. Defaults to 0: there is no test split.
      by: `"subject"` or `"site"`. Defaults to `"subject"`.

    Returns:
      The keys of `subjects`, in their order -> `"train"`, `"validation"` or `"test"`.

    Raises:
      ValueError: if there are too few subjects or sites, if the fractions are out of range, or if a subject was
        measured at several sites and whole sites are to be held out.

    Example:

    >>> sites = {f"sub-{number}": "AB"[number % 2] for number in range(10)}
    >>> sorted(split_subjects(sites).values()).count("validation")
    2
    """
    check_choice("by", by, ("subject", "site"))
    if not (0 <= validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise ValueError(
            "`validation` and `test` must be fractions from 0 to below 1 whose sum is below 1. "
            f"Received: validation={validation}, test={test}. Give for example validation=0.2, test=0.0."
        )
    site_of: dict[str, str] = {}
    for name, site in sorted(subjects.items()):
        subject = subject_of(name)
        first = site_of.setdefault(subject, str(site))
        if first != str(site) and by == "site":
            raise ValueError(
                f"{subject} was measured at the sites {first} and {site}, so that whole sites cannot be held out "
                "without a leak. Split by subject, or leave the scans of one of the two sites out."
            )
    wanted = {"test": test, "validation": validation}
    wanted = {split: fraction for split, fraction in wanted.items() if fraction}
    divide = _by_subject if by == "subject" else _by_site
    split_of = divide(site_of, seed, wanted)
    return {name: split_of.get(subject_of(name), "train") for name in subjects}


def _hash(seed: int, kind: str, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}\x1f{kind}\x1f{name}".encode(), digest_size=16).digest()


def _by_subject(site_of: dict[str, str], seed: int, wanted: dict[str, float]) -> dict[str, str]:
    """Returns the split of each subject that is held out."""
    groups: dict[str, list[str]] = {}
    for subject, site in site_of.items():
        groups.setdefault(site, []).append(subject)
    single = [site for site, members in groups.items() if len(members) == 1]
    pooled = [subject for site in single for subject in groups.pop(site)]
    members = [*groups.items(), *([(None, pooled)] if pooled else [])]
    ordered = {group: sorted(names, key=lambda name: (_hash(seed, "subject", name), name)) for group, names in members}
    room = {group: len(names) - 1 for group, names in ordered.items()}
    if site_of and sum(room.values()) < len(wanted):
        raise ValueError(
            f"There are too few subjects for the splits. Expected {len(wanted)} to hold out ({', '.join(wanted)}) "
            f"besides one of each site in train. Received: {len(site_of)}. Add scans, or set the fraction to 0."
        )
    result = {}
    for position, (split, fraction) in enumerate(wanted.items()):
        later = len(wanted) - position - 1
        count = min(max(1, round(fraction * len(site_of))), sum(room.values()) - later) if site_of else 0
        for group, share in _shares(ordered, room, fraction, count, seed).items():
            end = room[group] + 1
            result.update(dict.fromkeys(ordered[group][end - share : end], split))
            room[group] -= share
    return result


def _shares(ordered: dict, room: dict, fraction: float, count: int, seed: int) -> dict:
    """Returns how many subjects each group gives, `count` in all, by the method of largest remainders."""
    quota = {group: fraction * len(names) for group, names in ordered.items()}
    shares = {group: min(int(quota[group]), room[group]) for group in ordered}
    while sum(shares.values()) != count:
        missing = 1 if sum(shares.values()) < count else -1
        able = [group for group in ordered if (shares[group] < room[group] if missing > 0 else shares[group] > 0)]
        # The group farthest from its quota; rounding keeps equal remainders equal.
        chosen = max(
            able,
            key=lambda group: (round(missing * (quota[group] - shares[group]), 9), _hash(seed, "site", str(group))),
        )
        shares[chosen] += missing
    return shares


def _by_site(site_of: dict[str, str], seed: int, wanted: dict[str, float]) -> dict[str, str]:
    """Returns the split of each subject whose site is held out."""
    sizes: dict[str, int] = {}
    for site in site_of.values():
        sizes[site] = sizes.get(site, 0) + 1
    if sizes and len(sizes) <= len(wanted):
        raise ValueError(
            f"There are too few sites to hold whole ones out. Expected at least {len(wanted) + 1}, for train and "
            f"{', '.join(wanted)}. Received: {', '.join(sorted(sizes))}. Split by subject, or set the fraction to 0."
        )
    free = sorted(sizes, key=lambda site: (_hash(seed, "site", site), site))
    split_of_site = {}
    for position, (split, fraction) in enumerate(wanted.items()):
        target, held = fraction * len(site_of), 0
        keep = len(wanted) - position  # sites for train and for the splits that follow
        for site in list(free):
            nearer = abs(held + sizes[site] - target) < abs(held - target)
            if (nearer or not held) and len(free) > keep:
                split_of_site[site] = split
                held += sizes[site]
                free.remove(site)
    return {subject: split_of_site[site] for subject, site in site_of.items() if site in split_of_site}
