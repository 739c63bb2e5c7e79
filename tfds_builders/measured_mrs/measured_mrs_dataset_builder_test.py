"""measured_mrs dataset."""

import tempfile
from unittest import mock

import tensorflow_datasets as tfds

from mrs_keras.measured import write_example
from tfds_builders.measured_mrs import measured_mrs_dataset_builder

SCANS = tempfile.TemporaryDirectory()
SMALL = measured_mrs_dataset_builder.MeasuredMrsConfig(name="small", folder=f"{SCANS.name}/example")


class MeasuredMrsTest(tfds.testing.DatasetBuilderTestCase):
    """Tests for measured_mrs dataset."""

    DATASET_CLASS = measured_mrs_dataset_builder.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = (SMALL,)
    SPLITS = {"train": 4, "validation": 1}  # noqa: RUF012

    @classmethod
    def setUpClass(cls):
        write_example(SMALL.folder, participants=5, coils=1, transients=2, progress=False)
        # The builder's own config names no folder.
        cls.enterClassContext(mock.patch.object(cls.DATASET_CLASS, "BUILDER_CONFIGS", [SMALL]))
        cls.addClassCleanup(SCANS.cleanup)
        super().setUpClass()


if __name__ == "__main__":
    tfds.testing.test_main()
