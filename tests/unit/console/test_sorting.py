"""Sort keys for names."""

from console.web.sorting import natural_sort_key


def test_numbers_in_names_sort_by_value() -> None:
    names = ["西山 12 群", "西山 7 群", "12 栋", "西山 7 群二", "西山", "7 栋"]
    assert sorted(names, key=natural_sort_key) == [
        "7 栋",
        "12 栋",
        "西山",
        "西山 7 群",
        "西山 7 群二",
        "西山 12 群",
    ]
