from rlrec.reporting.words import figure_note, heading, manner, number, p_text, signed, tastes


def test_numbers_are_printed_by_their_kind() -> None:
    assert number("coverage", 0.2512) == "25.1 %"
    assert number("coverage", 0.2512, unit=False) == "25.1"
    assert number("something else", 0.5) == "0.500"
    assert signed("ndcg", -0.0004) == "0.000"
    assert signed("ndcg", float("nan")) == "–"


def test_p_values_and_slates_are_printed_in_words() -> None:
    assert (p_text(0.0999), p_text(0.5), p_text(0.00099)) == ("p = 0.100", "p = 0.5", "p < 0.001")
    assert (manner(1), manner(3)) == ("one movie a step", "3 movies a step")


def test_users_are_described_by_how_they_react() -> None:
    assert len({tastes(delta) for delta in (-0.5, 0.0, 1.0)}) == 3
    assert len({heading(delta) for delta in (-0.5, 0.0, 1.0)}) == 3
    assert "tired" in tastes(-0.5)


def test_a_learner_s_figure_without_words_keeps_its_name() -> None:
    assert figure_note("value_loss").label == "Loss of the critic"
    assert figure_note("mean_q_value").label == "Mean q value"
