"""`python -m mrs_keras.cli`, the same as `mrs-keras`."""

import sys

from mrs_keras.cli.command import main

if __name__ == "__main__":
    sys.exit(main())
