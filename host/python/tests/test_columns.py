"""Columns in and out, by pyarrow and by bare capsules."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import textwrap

import pytest
import wudf

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")


def test_values_and_nulls(open_kit):
    add_one = open_kit("add_one")
    assert add_one(pa.array([1, None, 3])).to_pylist() == [2, None, 4]
    assert add_one(pa.array([None, None], pa.int64())).to_pylist() == [None, None]
    assert add_one(pa.nulls(3)).to_pylist() == [None] * 3
    assert open_kit("upper")(pa.array(["ä", None, ""])).to_pylist() == ["Ä", None, ""]


def test_lists_of_values(open_kit, pictures):
    assert open_kit("add_one")([1, None]).to_pylist() == [2, None]
    assert open_kit("add_one")(n for n in range(3)).to_pylist() == [1, 2, 3]
    assert open_kit("substr")(["abcdef"], [2], [3]).to_pylist() == ["cde"]
    with pytest.raises(wudf.Error, match="argument `x`") as caught:
        open_kit("add_one")(["one"])
    assert caught.value.kind == "invalid-arguments"
    for single in ("abc", b"abc", 3, None):
        with pytest.raises(TypeError, match="put it in a list"):
            open_kit("upper")(single)


def test_empty(open_kit):
    for ty in (pa.int64(), pa.int32(), pa.null()):
        out = open_kit("add_one")(pa.array([], ty))
        assert (out.type, len(out)) == (pa.int64(), 0)
    chunked = open_kit("add_one")(pa.chunked_array([], pa.int64()))
    assert (chunked.type, len(chunked)) == (pa.int64(), 0)
    with pytest.raises(wudf.Error, match="argument `x` is int64"):
        open_kit("add_one")(pa.chunked_array([], pa.string()))


def test_slices(open_kit):
    numbers = pa.array([None if n % 3 == 0 else n for n in range(100)])
    words = pa.array([None if n % 5 == 0 else "x" * n for n in range(100)])
    bools = pa.array([None if n % 7 == 0 else n % 2 == 0 for n in range(100)])
    lists = pa.array([None if n % 4 == 0 else [n, None] for n in range(100)], pa.list_(pa.int32()))
    for start, length in ((0, 100), (1, 7), (9, 64), (63, 37), (99, 1), (50, 0)):
        at = (start, length)
        wanted = [None if n is None else n + 1 for n in numbers.slice(*at).to_pylist()]
        assert open_kit("add_one")(numbers.slice(*at)).to_pylist() == wanted
        assert open_kit("upper")(words.slice(*at)).to_pylist() == [
            w and w.upper() for w in words.slice(*at).to_pylist()
        ]
        assert open_kit("echo_bool")(bools.slice(*at)).to_pylist() == bools.slice(*at).to_pylist()
        echoed = open_kit("echo_list_option")(lists.slice(*at))
        assert echoed.to_pylist() == lists.slice(*at).to_pylist()
    # A slice of a slice, and of a struct's field.
    assert open_kit("add_one")(numbers.slice(10, 50).slice(5, 3)).to_pylist() == [None, 17, 18]


STRINGS = ["a", None, "a string that is longer than twelve bytes", "a"]


@pytest.mark.parametrize(
    "ty",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int8(), pa.string()),
        pa.dictionary(pa.uint32(), pa.large_string()),
    ],
    ids=str,
)
def test_layouts_of_text(open_kit, ty):
    if pa.types.is_dictionary(ty):
        column = pa.array(STRINGS, ty.value_type).dictionary_encode().cast(ty)
    else:
        column = pa.array(STRINGS, ty)
    wanted = [s and s.upper() for s in STRINGS]
    assert open_kit("upper")(column).to_pylist() == wanted
    assert open_kit("upper")(column.slice(1, 2)).to_pylist() == wanted[1:3]
    assert open_kit("upper")(column.slice(4)).to_pylist() == []
    assert (
        open_kit("upper")(pa.chunked_array([column, column.slice(2)])).to_pylist()
        == wanted + wanted[2:]
    )


@pytest.mark.parametrize(
    "ty", [pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(2), pa.string()], ids=str
)
def test_layouts_of_bytes(open_kit, ty):
    # Not by a cast: pyarrow 19 crashes when it exports what it has cast to views.
    column = pa.array([b"ab", None, b"cd"], ty)
    assert open_kit("blob_len")(column).to_pylist() == [2, None, 2]
    assert open_kit("blob_len")(column.slice(1)).to_pylist() == [None, 2]


def test_long_views(open_kit):
    blobs = [bytes([n]) * (n * 100) for n in range(50)]
    column = pa.array(blobs, pa.binary_view())
    assert open_kit("echo_bytes")(column.slice(3, 40)).to_pylist() == blobs[3:43]


def test_numbers_that_fit(open_kit):
    assert open_kit("add_one")(pa.array([1, 255], pa.uint8())).to_pylist() == [2, 256]
    assert open_kit("add_one")(pa.array([1.0, 2.0])).to_pylist() == [2, 3]
    with pytest.raises(wudf.Error, match="row 1: argument `x`: 1.5 does not fit int64"):
        open_kit("add_one")(pa.array([1.0, 1.5]))
    with pytest.raises(wudf.Error, match="cannot cast string to int64"):
        open_kit("add_one")(pa.array(["1"]))


def test_values_that_do_not_fit_cost_their_rows(open_kit):
    small = open_kit("echo_i8", on_error="null")
    for column in ([1, 300, None, 5], pa.array([1, 300, None, 5])):
        assert small(column).to_pylist() == [1, None, None, 5]
    nanoseconds = pa.array([1_000, 1_001], pa.timestamp("ns"))
    back = open_kit("echo_timestamp", on_error="null")(nanoseconds)
    assert back.cast(pa.int64()).to_pylist() == [1, None]


def test_structs_match_by_name(open_kit):
    wanted = pa.field(open_kit("echo_struct").signature.arguments[0]).type
    row = {"name": "a", "x": 1.0, "y": 2.0, "tags": ["t"]}
    fields = [pa.field(field.name, field.type) for field in wanted][::-1]
    column = pa.array([row, None], pa.struct(fields))
    assert open_kit("echo_struct")(column).to_pylist() == [row, None]


def test_unaligned_buffers(open_kit):
    """Arrow files that are mapped may lie anywhere."""
    buffer = pa.py_buffer(b"\0" + (5).to_bytes(8, "little") + (7).to_bytes(8, "little"))
    column = pa.Array.from_buffers(pa.int64(), 2, [None, buffer.slice(1)])
    assert open_kit("add_one")(column).to_pylist() == [6, 8]


def test_nested(open_kit):
    shape = open_kit("echo_struct").signature.arguments[0]
    ty = pa.field(shape).type
    names = [field.name for field in ty]
    row = dict(zip(names, [None] * len(names)))
    for field in ty:
        if pa.types.is_string(field.type):
            row[field.name] = "text"
        elif pa.types.is_list(field.type):
            row[field.name] = []
        elif not field.nullable:
            row[field.name] = 1
    column = pa.array([row, None, row], ty)
    assert open_kit("echo_struct")(column).to_pylist() == [row, None, row]
    assert open_kit("echo_struct")(column.slice(1, 2)).to_pylist() == [None, row]


def test_chunks(open_kit):
    chunks = pa.chunked_array([[1, 2, 3], [], [4, None]], pa.int64())
    out = open_kit("add_one")(chunks)
    assert isinstance(out, pa.ChunkedArray)
    assert out.to_pylist() == [2, 3, 4, 5, None]
    # Cut where either is.
    weights = pa.chunked_array([[0.5], [1.5, 2.5, 3.5], [4.5]])
    out = open_kit("weigh")(pa.chunked_array([[1, 2, 3], [4, 5]], pa.int32()), weights)
    single = open_kit("weigh")(
        pa.array([1, 2, 3, 4, 5], pa.int32()), pa.array([0.5, 1.5, 2.5, 3.5, 4.5])
    )
    assert out.to_pylist() == single.to_pylist()
    # And one of them in one piece.
    mixed = open_kit("weigh")(pa.array([1, 2, 3, 4, 5], pa.int32()), weights)
    assert mixed.to_pylist() == single.to_pylist()


@pytest.mark.parametrize(
    "wrap", [pa.array, lambda x: pa.chunked_array([x])], ids=["array", "chunks"]
)
def test_lengths_that_differ(open_kit, wrap):
    with pytest.raises(wudf.Error, match="different lengths") as caught:
        open_kit("weigh")(wrap(pa.array([1, 2], pa.int32())), wrap(pa.array([1.0])))
    assert caught.value.kind == "invalid-arguments"


def test_the_number_of_arguments(open_kit):
    with pytest.raises(wudf.Error, match="takes 2 arguments, not 3"):
        open_kit("weigh")([1], [1.0], [2])
    assert open_kit("answer")(rows=3).to_pylist() == [42] * 3
    with pytest.raises(wudf.Error, match="how many rows"):
        open_kit("answer")()
    with pytest.raises(wudf.Error, match="takes 0 arguments"):
        open_kit("answer")([1])
    with pytest.raises(wudf.Error, match="columns say"):
        open_kit("add_one")([1], rows=1)


def test_a_table_stands_for_all_arguments(open_kit):
    table = pa.table(
        {"weight": [0.5, None], "other": ["x", "y"], "count": pa.array([1, 2], pa.int32())}
    )
    wanted = open_kit("weigh")(table["count"], table["weight"]).to_pylist()
    assert open_kit("weigh")(table).to_pylist() == wanted
    assert open_kit("weigh")(table.to_batches()[0]).to_pylist() == wanted
    assert open_kit("weigh")(table.to_reader()).to_pylist() == wanted
    # By place, when there are as many columns.
    two = pa.table({"a": pa.array([1], pa.int32()), "b": [0.5]})
    assert open_kit("weigh")(two).to_pylist() == wanted[:1]
    with pytest.raises(wudf.Error, match="wants columns of its names; there is: other"):
        open_kit("weigh")(table.select(["other"]))
    # Where the struct is null, so are its fields.
    column = pa.StructArray.from_arrays(
        [pa.array([1, 2, 3])], ["x"], mask=pa.array([False, True, False])
    )
    assert open_kit("add_one")(column).to_pylist() == [2, None, 4]


class Bare:
    """Arrow data without a library around it."""

    def __init__(self, **methods):
        for name, value in methods.items():
            setattr(self, f"__arrow_c_{name}__", lambda requested_schema=None, value=value: value)


def test_bare_capsules(open_kit):
    column = pa.array([1, None, 3])
    bare = Bare(array=column.__arrow_c_array__())
    assert open_kit("add_one")(bare).to_pylist() == [2, None, 4]
    with pytest.raises(wudf.Error, match="it can be taken once, and has been") as caught:
        open_kit("add_one")(bare)
    assert caught.value.kind == "invalid-arguments"
    stream = Bare(stream=pa.chunked_array([column]).__arrow_c_stream__())
    assert open_kit("add_one")(stream).to_pylist() == [2, None, 4]
    with pytest.raises(wudf.Error, match="`arrow_array_stream` is empty"):
        open_kit("add_one")(stream)


def test_capsules_that_are_none(open_kit):
    schema, array = pa.array([1]).__arrow_c_array__()
    stream = pa.chunked_array([[1]]).__arrow_c_stream__()
    add_one = open_kit("add_one")
    for pair, message in [
        ((array, schema), "a capsule `arrow_schema` is wanted, not `arrow_array`"),
        ((schema, stream), "a capsule `arrow_array` is wanted, not `arrow_array_stream`"),
        ((1, 2), "a capsule `arrow_schema` is wanted, which this is not"),
        ((schema,), "a pair"),
        (None, "a pair"),
    ]:
        with pytest.raises(wudf.Error, match=message):
            add_one(Bare(array=pair))
    with pytest.raises(wudf.Error, match="not `arrow_schema`"):
        add_one(Bare(stream=pa.int64().__arrow_c_schema__()))
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = (
        ctypes.py_object,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p],
    )
    nameless = new(1, None, None)
    with pytest.raises(wudf.Error, match="not one without a name"):
        add_one(Bare(stream=nameless))
    # A released struct, as C has it: all zeros.
    zeros = ctypes.create_string_buffer(256)
    released = new(ctypes.addressof(zeros), b"arrow_array", None)
    with pytest.raises(wudf.Error, match="`arrow_array` is empty"):
        add_one(Bare(array=(pa.int64().__arrow_c_schema__(), released)))


def test_arrays_that_break_the_interface(open_kit):
    column = pa.array([1, 2])
    # Buffers and children are missing that the schema speaks of.
    for ty in (pa.struct([("a", pa.int64())]), pa.string_view(), pa.list_(pa.int64())):
        pair = (ty.__arrow_c_schema__(), column.__arrow_c_array__()[1])
        with pytest.raises(wudf.Error, match="a column cannot be read"):
            open_kit("echo_struct")(Bare(array=pair))


def test_streams_that_fail(open_kit):
    def batches():
        yield pa.record_batch({"x": [1]})
        raise ValueError("the disk is gone")

    reader = pa.RecordBatchReader.from_batches(pa.schema({"x": pa.int64()}), batches())
    with pytest.raises((wudf.Error, ValueError), match="the disk is gone"):
        open_kit("add_one")(reader)


def test_what_is_no_column(open_kit):
    class Odd:
        @property
        def __arrow_c_array__(self):
            raise RuntimeError("not today")

    with pytest.raises(RuntimeError, match="not today"):
        open_kit("add_one")(Odd())


def test_memory_is_let_go(open_kit):
    """Nothing is held beyond a call: neither columns nor results."""
    before = pa.total_allocated_bytes()
    add_one = open_kit("add_one")
    for _ in range(20):
        out = add_one(pa.array(range(10_000)))
        add_one(pa.chunked_array([range(10_000), range(10_000)]))
        with pytest.raises(wudf.Error):
            add_one(pa.array(["x"] * 10_000))
        # Exported, and taken by nobody.
        raw = add_one._call([pa.array(range(10_000))])
        raw.__arrow_c_array__()
        raw.__arrow_c_schema__()
        add_one._call([pa.chunked_array([range(10_000)])]).__arrow_c_stream__()
    del out, raw
    assert pa.total_allocated_bytes() <= before + 200_000


def test_results_for_libraries_without_pyarrow(open_kit):
    raw = open_kit("add_one")._call([pa.array([1, None])])
    assert len(raw) == 2 and "Int64" in repr(raw)
    for _ in range(2):
        assert pa.array(raw).to_pylist() == [2, None]
    assert pa.field(raw).type == pa.int64()
    raw = open_kit("add_one")._call([pa.chunked_array([[1], [None]])])
    assert len(raw) == 2
    for _ in range(2):
        assert pa.chunked_array(raw).to_pylist() == [2, None]


def test_without_pyarrow(kit):
    """The module neither needs pyarrow nor imports it."""
    code = f"""
        import sys
        sys.modules["pyarrow"] = None
        import wudf
        add_one = wudf.load({kit!r}, "add_one")
        class Column:
            def __init__(self, raw): self.raw = raw
            def __arrow_c_array__(self, requested_schema=None): return self.raw.__arrow_c_array__()
        first = wudf.load({kit!r}, "answer")(rows=3)
        second = add_one(Column(first))
        assert len(second) == 3, second
        try:
            add_one([1])
        except TypeError as error:
            print(error)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert "converting it needs pyarrow: pip install pyarrow" in ran.stdout
