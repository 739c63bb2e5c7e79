"""simulated_mrs dataset."""

import tensorflow_datasets as tfds

from tfds_builders.simulated_mrs import simulated_mrs_dataset_builder


class SimulatedMrsTest(tfds.testing.DatasetBuilderTestCase):
    """Tests for simulated_mrs dataset."""

    DATASET_CLASS = simulated_mrs_dataset_builder.Builder
    # Two small blocks and a rest: what is tested here is the builder, not its size.
    BUILDER_CONFIG_NAMES_TO_TEST = (
        simulated_mrs_dataset_builder.SimulatedMrsConfig(name="small", train=150, validation=10),
    )
    SPLITS = {"train": 150, "validation": 10, "test": 4}  # noqa: RUF012


if __name__ == "__main__":
    tfds.testing.test_main()
