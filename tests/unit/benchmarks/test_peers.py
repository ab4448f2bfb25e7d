"""What is timed beside its peers does the same as they."""

import pytest
import torch

from benchmarks import peers

pytestmark = pytest.mark.filterwarnings("ignore")  # of the peers

PAIRS = {pair.name: pair for pair in peers.pairs()}


@pytest.mark.parametrize("name", PAIRS)
def test_both_of_a_pair_draw_alike_and_derive(name: str) -> None:
    pair, logits = PAIRS[name], torch.linspace(-1, 1, 24).view(2, 3, 4)
    shapes = set()
    for draw in (pair.ours, pair.theirs):
        for check in (True, False):
            leaf = logits.clone().requires_grad_()
            # More than one draw: relaxit's HardConcrete has one noise for all of a batch, and may
            # be clipped.
            for _ in range(20):
                sample = draw(leaf, check)
                sample.square().sum().backward()
            assert leaf.grad is not None
            assert (leaf.grad != 0).any()
            shapes.add(sample.shape[:2])
    assert shapes == {torch.Size((2, 3))}


def test_the_table_has_a_line_a_pair_and_three_numbers_a_shape(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(peers, "SHAPES", ((3, 2, 4), (2, 3, 5)))
    threads = torch.get_num_threads()
    try:
        peers.main(["--rounds", "2"])
    finally:
        torch.set_num_threads(threads)
    _, *lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(PAIRS)
    for line in lines:
        numbers = [float(word.strip("()")) for word in line.split()[2:]]
        assert len(numbers) == 8
        for ours, theirs, ratio, unchecked in (numbers[:4], numbers[4:]):
            # To the digits that are printed.
            assert ratio == pytest.approx(ours / theirs, abs=0.006 + 1 / theirs)
            assert unchecked > 0
    with pytest.raises(SystemExit):
        peers.main(["--rounds", "0"])
