"""The standard library, as far as it is of use where there are no files, processes, threads and
sockets. A component has the modules that were imported when it was made and no others: also those
that the library imports itself when they are first needed (`_strptime`, `_pylong`)."""

import importlib
import pkgutil
import sys

MODULES = """
abc annotationlib argparse array ast _ast_unparse base64 binascii bisect builtins calendar cmath codecs
collections collections.abc colorsys contextlib copy copyreg csv dataclasses datetime decimal difflib
email email._header_value_parser email.charset email.encoders email.feedparser email.generator
email.header email.headerregistry email.message email.mime.text email.parser email.policy email.utils
enum errno fnmatch fractions functools gc getopt graphlib gzip hashlib heapq hmac html html.entities
html.parser inspect io ipaddress itertools json json.decoder json.encoder json.scanner keyword linecache
locale logging math mimetypes numbers operator pathlib pickle pprint _pylong quopri random re reprlib
secrets shlex statistics string string.templatelib stringprep _strptime struct _suggestions sys tarfile
textwrap _threading_local time timeit token tokenize tomllib traceback tracemalloc types typing
unicodedata urllib urllib.error urllib.parse uuid warnings weakref xml.dom.expatbuilder xml.dom.minidom
xml.etree.ElementTree xml.sax xml.sax.saxutils zipfile zlib zoneinfo zoneinfo._zoneinfo
""".split()

for _name in MODULES:
    importlib.import_module(_name)


def _codecs():
    """`bytes.decode("cp1252")` imports its codec when it is called."""
    import encodings

    for module in pkgutil.iter_modules(encodings.__path__):
        # Those of systems that this is not, and of compiled parts that it has not.
        try:
            importlib.import_module(f"encodings.{module.name}")
        except ImportError:
            pass


_codecs()
# Others bring it along, and it could do nothing.
sys.modules.pop("socket", None)
