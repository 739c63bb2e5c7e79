"""The worker processes of a training on several machines, as TF_CONFIG lists them."""

import dataclasses
import json
import os
from collections.abc import Mapping

EXAMPLE = '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'
REMEDY = f"Set it for example to '{EXAMPLE}', with its own index on each machine; unset it to train on this one only."


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The worker processes of one training, in the order in which TensorFlow numbers them.

    Attributes:
      workers: "host:port" of each; the first is the chief, and only the chief writes to the folder of the run.
      index: number of this process.
    """

    workers: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this process writes to the folder of the run."""
        return self.index == 0

    @property
    def address(self) -> str:
        """Returns "host:port" of this process."""
        return self.workers[self.index]

    @property
    def others(self) -> dict[int, str]:
        """Returns number -> "host:port" of the other processes."""
        return {index: address for index, address in enumerate(self.workers) if index != self.index}


def cluster_from_environment(environment: Mapping[str, str] = os.environ) -> Cluster | None:
    """Reads the variable TF_CONFIG.

    Args:
      environment: environment variables. Defaults to those of this process.

    Returns:
      The cluster; `None` if the variable is not set or lists a single process.

    Raises:
      ValueError: if `tf.distribute.MultiWorkerMirroredStrategy` does not accept TF_CONFIG.
    """
    text = environment.get("TF_CONFIG", "").strip()
    if not text:
        return None
    try:
        config = json.loads(text)
    except ValueError as error:
        raise ValueError(f"TF_CONFIG must be valid JSON. Received: {text!r} ({error}). {REMEDY}") from error
    jobs, task = (config.get(key) if isinstance(config, dict) else None for key in ("cluster", "task"))
    if not isinstance(jobs, dict) or not isinstance(task, dict):
        raise ValueError(f"TF_CONFIG must hold the objects `cluster` and `task`. Received: {text!r}. {REMEDY}")
    if unknown := sorted(set(jobs) - {"chief", "worker"}):
        raise ValueError(
            "The cluster of TF_CONFIG must have the job 'worker' and may have the job 'chief', but no others. "
            f"Received: {', '.join(map(repr, unknown))}. {REMEDY}"
        )
    chiefs, workers = (_addresses(jobs, job) for job in ("chief", "worker"))
    everyone = (*chiefs, *workers)
    if len(chiefs) > 1 or not everyone or len(set(everyone)) != len(everyone):
        raise ValueError(
            "The cluster of TF_CONFIG must list each process once, and at most one of them as chief. "
            f"Received: chief {list(chiefs)}, worker {list(workers)}. {REMEDY}"
        )
    kind, index = task.get("type"), task.get("index")
    members = {"chief": chiefs, "worker": workers}.get(kind, ())
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(members):
        raise ValueError(
            "The task of TF_CONFIG must name one process of the cluster by `type` and `index`. "
            f"Expected: {', '.join(f'{job} 0 to {len(jobs[job]) - 1}' for job in jobs if jobs[job])}. "
            f"Received: type={kind!r}, index={index!r}. {REMEDY}"
        )
    if len(everyone) == 1:
        return None
    return Cluster(everyone, index + (len(chiefs) if kind == "worker" else 0))


def host_and_port(address: str) -> tuple[str, int]:
    """Splits "host:port", or "[IPv6 address]:port"."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _addresses(jobs: Mapping, job: str) -> tuple[str, ...]:
    addresses = jobs.get(job, [])
    if not isinstance(addresses, list):
        raise ValueError(
            f"The job '{job}' of TF_CONFIG must be a list of 'host:port'. Received: {addresses!r}. {REMEDY}"
        )
    for address in addresses:
        host, _, port = address.rpartition(":") if isinstance(address, str) else ("", "", "")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(
                f"Each process in TF_CONFIG must be 'host:port', with a port of 1 to 65535. Received: {address!r}. "
                f"{REMEDY}"
            )
    return tuple(addresses)
