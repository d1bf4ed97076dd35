"""The plugin's list of functions: one, which its options turn into the user's."""

import _udf.library  # noqa: F401  What sources can import has to be there when the component is made.
from scalar import signatures
from wit_world import exports


class Scalar(exports.Scalar):
    def signatures(self):
        return signatures()
