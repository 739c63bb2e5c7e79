"""The dataset built by Apache Beam: the same examples, whatever the runner and the number of workers."""

import json
import os
import subprocess

import numpy as np
import pytest
import tensorflow_datasets as tfds

from mrs_keras.data import load_arrays, open_dataset
from tests.conftest import REPOSITORY, command, run_python
from tfds_builders.simulated_mrs.simulated_mrs_dataset_builder import Builder, SimulatedMrsConfig

# Two whole blocks and a rest.
SETTINGS = {"train": 2100, "validation": 7, "seed": 3, "snr": 20.0}

BUILD = """
import json, sys
import tensorflow_datasets as tfds
from apache_beam.options.pipeline_options import PipelineOptions
from tfds_builders.simulated_mrs.simulated_mrs_dataset_builder import Builder, SimulatedMrsConfig
data_dir, settings, configs = sys.argv[1], *map(json.loads, sys.argv[2:])
for name, options in configs.items():
    builder = Builder(data_dir=data_dir, config=SimulatedMrsConfig(name=name, beam=True, **settings))
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(beam_options=PipelineOptions(options)))
"""


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> tfds.core.DatasetBuilder:
    builder = Builder(data_dir=tmp_path_factory.mktemp("plain"), config=SimulatedMrsConfig(name="plain", **SETTINGS))
    builder.download_and_prepare()
    return builder


def assert_same_examples(built: tfds.core.DatasetBuilder, generated: tfds.core.DatasetBuilder):
    for split in ("train", "validation", "test"):
        ours, theirs = load_arrays(built, split), load_arrays(generated, split)
        assert len(ours["example_id"]) == generated.info.splits[split].num_examples
        for name in theirs:
            np.testing.assert_array_equal(ours[name], theirs[name])


@pytest.mark.parametrize(
    "configs",
    [
        {
            "one_worker": ["--direct_num_workers=1"],
            "four_threads": ["--direct_num_workers=4", "--direct_running_mode=multi_threading"],
        },
        pytest.param(
            {"four_processes": ["--direct_num_workers=4", "--direct_running_mode=multi_processing"]},
            marks=pytest.mark.slow,
        ),
    ],
    ids=["threads", "processes"],
)
def test_beam_builds_the_same_examples_with_any_number_of_workers(generated, tmp_path, configs):
    configs = {name: ["--runner=DirectRunner", *options] for name, options in configs.items()}
    # In a process of its own, as Beam leaves threads behind.
    run_python(BUILD, tmp_path, *map(json.dumps, (SETTINGS, configs)), env={"PYTHONPATH": str(REPOSITORY)})
    for name in configs:
        assert_same_examples(open_dataset(config=name, data_dir=tmp_path), generated)


@pytest.mark.slow
def test_the_tfds_command_builds_with_processes_of_beam(generated, tmp_path):
    subprocess.run(
        [
            *(command("tfds"), "build", REPOSITORY / "tfds_builders" / "simulated_mrs", "--data_dir", tmp_path),
            *("--config", json.dumps({"name": "large", "beam": True, **SETTINGS})),
            "--beam_pipeline_options=runner=DirectRunner,direct_num_workers=4,direct_running_mode=multi_processing",
        ],
        check=True,
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'tfds_builders'}"},
    )
    assert_same_examples(open_dataset(config="large", data_dir=tmp_path), generated)
