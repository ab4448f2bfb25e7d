"""The faults that `make mutants` plants can be planted."""

import ast

from tests.conftest import ROOT
from tests.mutants import MUTANTS, misplaced


def test_every_original_stands_once_and_every_fault_is_another_program() -> None:
    assert misplaced(MUTANTS) == []
    assert len(MUTANTS) >= 60
    for mutant in MUTANTS:
        text = (ROOT / "src/reinrelax" / mutant.file).read_text(encoding="utf-8")
        planted = text.replace(mutant.original, mutant.replacement)
        assert ast.dump(ast.parse(planted)) != ast.dump(ast.parse(text)), mutant
    places = [(mutant.file, mutant.original, mutant.replacement) for mutant in MUTANTS]
    assert len(set(places)) == len(places)


def test_the_named_tests_are_there() -> None:
    for mutant in MUTANTS:
        assert all((ROOT / "tests" / test).is_file() for test in mutant.tests), mutant
