"""What models cost, in US dollars for a million tokens.

The table was taken on 2026-11-29 from the providers' documentation as it was known here; prices
change, so check it against https://claude.com/pricing and put what differs into the setting
`modelPrices`. Bedrock and Vertex may ask for more in some regions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from .core.model import TaskKind, Usage
from .gate import BYTES_PER_TOKEN
from .models import provider_models
from .settings import Settings

TAKEN_ON = "2026-11-29"


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million tokens."""

    input: float
    output: float
    cache_read: float
    long_prompts: Price | None = None
    """What counts instead for a prompt of more than LONG_PROMPT tokens."""

    @property
    def cache_write(self) -> float:
        """Into a cache of five minutes."""
        return self.input * 1.25

    @property
    def cache_write_hour(self) -> float:
        """Into a cache of an hour."""
        return self.input * 2


LONG_PROMPT = 100_000
BATCH_SHARE = 0.5
"""What a batch costs of the usual price."""

PRICES: Mapping[str, Price] = MappingProxyType(
    {
        "fable-5-2": Price(8, 40, 0.2),
        "fable-5-1": Price(10, 50, 0.25),
        "fable-5": Price(10, 50, 1),
        "opus-5-5": Price(4, 20, 0.2),
        "opus-5": Price(5, 25, 0.5),
        "opus-4-8": Price(5, 25, 0.5),
        "opus-4-7": Price(5, 25, 0.5),
        "opus-4-6": Price(5, 25, 0.5),
        "opus-4-5": Price(5, 25, 0.5),
        "opus-4-1": Price(15, 75, 1.5),
        "opus-4": Price(15, 75, 1.5),
        "sonnet-5-5": Price(2, 10, 0.1),
        "sonnet-5": Price(2, 10, 0.2),
        "sonnet-4-6": Price(3, 15, 0.3),
        "sonnet-4-5": Price(3, 15, 0.3),
        "sonnet-4": Price(3, 15, 0.3),
        "haiku-5-5": Price(0.1, 0.5, 0.01, long_prompts=Price(0.5, 2.5, 0.05)),
        "haiku-4-5": Price(1, 5, 0.1),
    }
)
"""Family and version -> price."""

_ID = re.compile(r"claude-([a-z]+-\d+(?:-\d{1,2}(?!\d))?)")
"""In an id of any provider: `us.anthropic.claude-opus-4-5-20251101-v1:0`,
`claude-sonnet-4-5@20250929`. A date is no part of a version."""


def price_of(model: str, settings: Settings) -> Price | None:
    """What a model costs: the setting `modelPrices` by its id or alias, else the table.

    None: nobody said. An endpoint of one's own is taken to ask the provider's price for the
    provider's models, so that limits hold at a gateway too.
    """
    aliases = {model_id: alias for alias, model_id in provider_models(settings).items()}
    aliases |= {model_id: alias for alias, model_id in settings.model_aliases.items()}
    for name in (model, aliases.get(model, "")):
        if name and name in settings.model_prices:
            into, out = map(float, settings.model_prices[name].split("/"))
            return Price(into, out, into * 0.1)
    named = _ID.search(model.lower())
    return PRICES.get(named[1]) if named else None


def cost_of(
    usage: Usage, price: Price, *, hour_cache: bool = False, is_batch: bool = False
) -> float:
    """Dollars."""
    if price.long_prompts and usage.prompt_tokens > LONG_PROMPT:
        price = price.long_prompts
    write = price.cache_write_hour if hour_cache else price.cache_write
    dollars = (
        usage.input_tokens * price.input
        + usage.cache_write_tokens * write
        + usage.cache_read_tokens * price.cache_read
        + usage.output_tokens * price.output
    ) / 1_000_000
    return dollars * BATCH_SHARE if is_batch else dollars


def by_model(usages: Iterable[Usage], settings: Settings) -> tuple[tuple[Usage, float | None], ...]:
    """What calls used, summed for each model, and in dollars where its price is known."""
    calls: dict[str, list[Usage]] = {}
    for usage in usages:
        calls.setdefault(usage.model, []).append(usage)
    totals = []
    for model, some in calls.items():
        price = price_of(model, settings)
        # Each call by itself: a price may depend on the length of its prompt.
        cost = sum(cost_of(one, price) for one in some) if price else None
        totals.append((sum(some, Usage(model)), cost))
    return tuple(totals)


# --- In words


def money(dollars: float) -> str:
    """`$1.20`, `$0.012`; never a rounded nothing for something."""
    if dollars == 0 or dollars >= 0.1:
        return f"${dollars:,.2f}"
    return f"${dollars:.3f}" if dollars >= 0.0005 else "under $0.001"


def money_at_most(dollars: float) -> str:
    """Rounded up to cents: `$0.17`."""
    return f"${math.ceil(dollars * 100 - 1e-9) / 100:,.2f}"


def used(usages: Iterable[Usage], settings: Settings) -> str:
    """What calls used, by model, in words."""
    return "; ".join(used_in_words(*one) for one in by_model(usages, settings))


def used_in_words(total: Usage, cost: float | None) -> str:
    """`claude-sonnet-5-5: 4,000 tokens in (62% cached), 77 out, $0.006`."""
    share = total.cache_read_tokens / (total.prompt_tokens or 1)
    cached = f" ({share:.0%} cached)" if total.cache_read_tokens else ""
    said = "cost unknown" if cost is None else money(cost)
    into = f"{total.prompt_tokens:,} tokens in{cached}"
    return f"{total.model}: {into}, {total.output_tokens:,} out, {said}"


def estimate(
    size: int,
    model: str,
    settings: Settings,
    bytes_per_token: float | None = None,
    kind: TaskKind = "review",
) -> str:
    """What sending `size` bytes for such a task comes to: `~6k tokens, up to $0.26`."""
    tokens = int(size / (bytes_per_token or BYTES_PER_TOKEN))
    price = price_of(model, settings)
    most = at_most(Usage(model, tokens), settings, kind)
    cost = f"up to {money_at_most(cost_of(most, price))}" if price else "cost unknown"
    return f"~{shortened(tokens)} tokens, {cost}"


def at_most(usage: Usage, settings: Settings, kind: TaskKind = "review") -> Usage:
    """What a task takes whose prompt is `usage`, when the agent is shown and reads all it may."""
    more = settings.context_tokens + settings.reading_tokens
    return replace(
        usage,
        input_tokens=usage.input_tokens + more,
        output_tokens=usage.output_tokens + settings.answer_tokens(kind),
    )


def shortened(count: int) -> str:
    """`800`, `6k`, `1.2M`."""
    if count >= 999_500:
        return f"{count / 1_000_000:.1f}M"
    return f"{count / 1000:.0f}k" if count >= 1000 else str(count)
