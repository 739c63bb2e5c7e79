"""Schedules of the learning rate and of the weight of the KL term."""

import keras

from mrs_keras.models.adam import FusedAdam

WARMUP_STEPS = 200


def warm_cosine_adam(learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    """Returns Adam with a cosine decay of the learning rate to 0 over some steps, after 200 steps of warm-up."""
    warmup = min(WARMUP_STEPS, steps // 2)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - warmup, 1), warmup_target=learning_rate, warmup_steps=warmup
    )
    return FusedAdam(schedule)


def kl_schedule(weights: dict, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Returns the schedule of the KL weight: linear from start to end, then constant."""
    duration = max(round(weights["until"] * steps), 1)
    return keras.optimizers.schedules.PolynomialDecay(weights["start"], duration, weights["end"])
