"""How to serve the exports with TF-Serving proper: outside of `mrs_keras.serving`, whose import takes seconds."""

DOCKER_COMMAND = r"""docker run --rm --init -p 127.0.0.1:8500:8500 -p 127.0.0.1:8501:8501 \
  -v "$PWD/saved_models:/models:ro" -v "$PWD/deploy:/config:ro" \
  tensorflow/serving:2.20.0 \
  --model_config_file=/config/models.config \
  --enable_batching=true --batching_parameters_file=/config/batching.config \
  --monitoring_config_file=/config/monitoring.config"""
"""To be run in the repository, whose folder `deploy` holds the configuration. Only this machine reaches the ports."""
