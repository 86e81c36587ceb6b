"""What models cost, by the table and by the settings."""

from __future__ import annotations

import pytest

from backend_developer.core.model import Usage
from backend_developer.models import MODELS
from backend_developer.prices import (
    by_model,
    cost_of,
    estimate,
    money,
    money_at_most,
    price_of,
    shortened,
    used,
)
from backend_developer.settings import Settings, Source, read

MILLION = 1_000_000


@pytest.mark.parametrize("model", MODELS.values())
def test_every_model_of_ours_has_a_price(model: str) -> None:
    price = price_of(model, Settings())
    assert price
    assert 0 < price.cache_read < price.input < price.cache_write < price.output


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("claude-sonnet-5-5", 12),
        ("claude-sonnet-5", 12),
        ("claude-sonnet-4-5-20250929", 18),
        ("claude-sonnet-4-20250514", 18),
        ("claude-opus-4-20250514", 90),
        ("anthropic.claude-opus-5-5", 24),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", 30),
        ("arn:aws:bedrock:eu-central-1:1:inference-profile/eu.anthropic.claude-haiku-4-5", 6),
        ("claude-sonnet-4-5@20250929", 18),
        ("anthropic/claude-sonnet-5-5", 12),
    ],
)
def test_ids_of_every_provider(model: str, dollars: float) -> None:
    price = price_of(model, Settings())
    assert price
    assert cost_of(Usage(model, MILLION, output_tokens=MILLION), price) == pytest.approx(dollars)


@pytest.mark.parametrize("model", ["qwen3", "claude-sonnet-9-9", "claude", "claude-sonnet-5-55"])
def test_a_model_that_nobody_named_a_price_of(model: str) -> None:
    assert price_of(model, Settings()) is None
    assert estimate(35_000, model, Settings()) == "~10k tokens, cost unknown"
    assert used([Usage(model, 10, output_tokens=2)], Settings()) == (
        f"{model}: 10 tokens in, 2 out, cost unknown"
    )


@pytest.mark.parametrize(
    ("prices", "aliases"),
    [
        ({"claude-sonnet-5-5": "1/2"}, {}),
        ({"sonnet": "1/2"}, {}),
        ({"ours": "1/2"}, {"ours": "claude-sonnet-5-5"}),
        ({"claude-sonnet-5-5": "1/2", "sonnet": "7/7"}, {}),
    ],
)
def test_settings_go_before_the_table(prices: dict[str, str], aliases: dict[str, str]) -> None:
    settings, problems = read([Source("user", {"modelPrices": prices, "modelAliases": aliases})])
    assert not problems
    price = price_of("claude-sonnet-5-5", settings)
    assert price
    assert (price.input, price.output, price.cache_read) == (1, 2, 0.1)
    assert price_of("claude-opus-5-5", settings) == price_of("claude-opus-5-5", Settings())


@pytest.mark.parametrize("text", ["2", "2/", "-1/2", "2 / 10", "a/b", "1e9/1", "1/2/3"])
def test_a_price_that_is_none(text: str) -> None:
    settings, [problem] = read([Source("user", {"modelPrices": {"sonnet": text}})])
    assert settings == Settings()
    assert "must be dollars for a million tokens of input and output, such as 2/10" in str(problem)


def test_what_is_cached_costs_otherwise() -> None:
    price = price_of("claude-sonnet-5-5", Settings())
    assert price
    usage = Usage("", cache_write_tokens=MILLION, cache_read_tokens=MILLION)
    assert cost_of(usage, price) == pytest.approx(2.5 + 0.1)
    assert cost_of(usage, price, hour_cache=True) == pytest.approx(4 + 0.1)
    assert cost_of(usage, price, is_batch=True) == pytest.approx(1.3)


def test_a_long_prompt_can_cost_more() -> None:
    model = "claude-haiku-5-5"
    price = price_of(model, Settings())
    assert price
    assert cost_of(Usage(model, 100_000), price) == pytest.approx(0.01)
    assert cost_of(Usage(model, 100_001), price) == pytest.approx(0.05, abs=0.001)
    # Two short calls are no long one.
    [(total, cost)] = by_model([Usage(model, 60_000)] * 2, Settings())
    assert (total.input_tokens, cost) == (120_000, pytest.approx(0.012))


def test_money_in_words() -> None:
    assert [money(one) for one in (0, 0.0001, 0.004, 0.5, 1234.5)] == [
        "$0.00", "under $0.001", "$0.004", "$0.50", "$1,234.50",
    ]  # fmt: skip
    assert [money_at_most(one) for one in (0.0001, 0.161, 0.17, 2)] == [
        "$0.01", "$0.17", "$0.17", "$2.00",
    ]  # fmt: skip
    assert [shortened(one) for one in (800, 6_400, 999_999)] == ["800", "6k", "1.0M"]
