"""The columns of a table of results."""

from reinrelax.results.cell_table import results


def test_the_bound_of_each_part_is_the_sum_of_its_own_terms() -> None:
    metrics = {
        "train_reconstruction": [100.0, 90.0],
        "train_kl": [1.0, 2.0],
        "test_reconstruction": [110.0, 95.0],
        "test_kl": [3.0, 1 / 3],
    }
    found = results(metrics)
    assert found["train_nelbo_nats"] == [101.0, 92.0]
    assert found["test_nelbo_nats"] == [113.0, 95.33333333]  # ten digits, as in the table
    assert found["test_kl_nats"] == [3.0, 0.3333333333]
    assert len(found) == 6
