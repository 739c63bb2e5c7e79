"""The oracle and tuner of keras-tuner; imported only by `tune`, since keras-tuner is an optional dependency."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import keras_tuner
from keras_tuner.oracles import BayesianOptimizationOracle

from mrs_keras.files import replacing

OBJECTIVE = "held_out_loss"


class Oracle(BayesianOptimizationOracle):
    """Bayesian optimisation that starts with the preset, and whose state on disk survives a kill at any moment.

    Args:
      preset_values: hyper-parameters of the first trial.
      **options: of keras-tuner's oracle.
    """

    def __init__(self, preset_values: Mapping, **options):
        super().__init__(objective=keras_tuner.Objective(OBJECTIVE, "min"), **options)
        self.preset_values = dict(preset_values)
        self.verbose = 0

    def populate_space(self, trial_id):
        if not self.start_order:
            return {"status": "RUNNING", "values": self.preset_values}
        return super().populate_space(trial_id)

    # keras-tuner writes its files in place: a kill would leave a partial file, which it cannot read.
    def save(self):
        _write(Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial):
        _write(Path(self._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state())

    def reload(self):
        super().reload()
        # It records a trial in two files. After a kill between the two, a trial would never run again, or run twice.
        unfinished = [trial_id for trial_id, trial in sorted(self.trials.items()) if trial.status == "RUNNING"]
        self._retry_queue = unfinished[::-1]
        self.start_order += [trial_id for trial_id in unfinished if trial_id not in self.start_order]


class Tuner(keras_tuner.engine.base_tuner.BaseTuner):
    """Runs one training for each trial.

    Args:
      oracle: proposes the values.
      directory: folder of the search; trial k has the folder `trials/trial_k`.
      run: takes the values of a trial and its folder, returns its numbers, including `OBJECTIVE`. A `RuntimeError`
        marks the trial as failed; any other error ends the search.
      on_end: called after each trial with all trials so far.
    """

    def __init__(self, oracle: Oracle, directory: Path, run: Callable, on_end: Callable):
        super().__init__(oracle, directory=str(directory), project_name="trials")
        self.run, self.on_end = run, on_end
        if not self.oracle.trials:
            self.save()  # from here on the search can be resumed

    def save(self):
        self.oracle.save()
        _write(Path(self._get_tuner_fname()), self.get_state())

    def run_trial(self, trial):
        start = time.monotonic()
        try:
            numbers = self.run(trial.trial_id, trial.hyperparameters.values, Path(self.get_trial_dir(trial.trial_id)))
        except RuntimeError as error:
            raise keras_tuner.errors.FailedTrialError(str(error)) from error
        except (ValueError, OSError) as error:
            raise keras_tuner.errors.FatalValueError(str(error)) from error
        return {**numbers, "seconds": time.monotonic() - start}

    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        self.on_end(list(self.oracle.trials.values()))


def _write(path: Path, state: Mapping) -> None:
    with replacing(path) as partial:
        partial.write_text(json.dumps(state))
