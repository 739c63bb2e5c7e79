"""Adam whose update of a variable is one operation."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("mrs_keras")
class FusedAdam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` (Kingma and Ba, ICLR 2015, arXiv 1412.6980), faster where XLA does not compile the step.

    The same formula in one operation for each variable, where Keras needs a dozen, each of which reads and writes
    arrays as large as the variable. Arguments are those of Keras, without `amsgrad`.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.amsgrad:
            raise ValueError("`FusedAdam` has no `amsgrad`. Received: amsgrad=True. Use `keras.optimizers.Adam`.")

    def update_step(self, gradient, variable, learning_rate):
        step = tf.cast(self.iterations + 1, tf.float32)
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=tf.pow(self.beta_2, step),
            lr=learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )
