"""One page to see a model with: its server, which needs no TensorFlow, and the page's files in `static`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "explorer": ["Explorer"],
    },
)
