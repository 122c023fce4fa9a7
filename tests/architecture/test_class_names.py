"""One word, one meaning: a reader who meets a class's name knows which class it is."""

import ast
from collections import defaultdict

from tests.architecture.checkout import PACKAGES, modules


def test_no_two_modules_name_a_class_alike() -> None:
    found = defaultdict[str, list[str]](list)
    for path, tree in modules(*PACKAGES):
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                found[node.name].append(path)
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}
