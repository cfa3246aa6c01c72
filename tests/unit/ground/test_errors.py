import pytest

from solvent.errors import DataError, InternalError, SolventError, StoreError, boundary


def test_data_error_names_file_row_and_field() -> None:
    error = DataError("not a number", file="a.jsonl", row=3, field="limits.memory_mb", remedy="write 256")
    assert str(error) == "a.jsonl:3: field 'limits.memory_mb': not a number (write 256)"
    assert error.to_dict()["row"] == "3"
    assert error.exit_code == 5


def test_boundary_translates_only_what_it_expects() -> None:
    with (
        pytest.raises(StoreError, match="cannot read it: OSError: gone") as caught,
        boundary(StoreError, "read it", OSError),
    ):
        raise OSError("gone")
    assert isinstance(caught.value.__cause__, OSError)
    with pytest.raises(ZeroDivisionError), boundary(StoreError, "divide", OSError):
        _ = 1 / 0


def test_boundary_lets_our_errors_pass() -> None:
    inner = InternalError("a defect")
    with pytest.raises(InternalError) as caught, boundary(StoreError, "write it", Exception):
        raise inner
    assert caught.value is inner


def test_every_class_has_an_exit_code_of_the_table() -> None:
    def all_of(cls: type[SolventError]) -> list[type[SolventError]]:
        return [cls, *(found for child in cls.__subclasses__() for found in all_of(child))]

    assert {cls.exit_code for cls in all_of(SolventError)} == {2, 3, 4, 5, 70}
