"""The formats of tokens that services issue: what is certainly a secret, wherever it stands.

The formats are those that the services document, most of them for secret scanners.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core.model import Span

TOKEN_FORMATS: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = (
    ("AWS access key", ("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    (
        "AWS secret key",
        ("aws", "AWS", "Aws"),
        re.compile(
            r"(?i:aws_?\w{0,20}(?:secret|key)\w{0,20})[\"']?\s{0,4}[:=]\s{0,4}[\"']?"
            r"([A-Za-z0-9/+=]{40})(?![A-Za-z0-9/+=])"
        ),
    ),
    ("GitHub token", ("gh",), re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,255}")),
    ("GitHub token", ("github_pat_",), re.compile(r"\bgithub_pat_[A-Za-z0-9_]{22,255}")),
    (
        "GitLab token",
        ("gl",),
        re.compile(r"\bgl(?:pat|ptt|dt|cbt|rt|soat|ft|agent)-[A-Za-z0-9_-]{20,}"),
    ),
    ("Slack token", ("xox", "xapp-"), re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}")),
    ("Slack token", ("xox", "xapp-"), re.compile(r"\bxapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{32,}")),
    (
        "Slack webhook",
        ("hooks.slack.com",),
        re.compile(r"hooks\.slack\.com/services/([A-Za-z0-9/]{20,})"),
    ),
    (
        "Discord webhook",
        ("/api/webhooks/",),
        re.compile(r"discord(?:app)?\.com/api/webhooks/(\d{17,20}/[A-Za-z0-9_-]{60,})"),
    ),
    ("Telegram token", (":AA",), re.compile(r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b")),
    (
        "Stripe key",
        ("k_live_", "k_test_", "whsec_"),
        re.compile(r"\b(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,}"),
    ),
    ("Anthropic key", ("sk-ant-",), re.compile(r"\bsk-ant-[A-Za-z0-9_-]{20,}")),
    ("OpenAI key", ("sk-",), re.compile(r"\bsk-(?!ant-)(?:proj-|svcacct-)?[A-Za-z0-9_-]{32,}")),
    ("Hugging Face token", ("hf_",), re.compile(r"\bhf_[A-Za-z0-9]{34,}\b")),
    ("Groq key", ("gsk_",), re.compile(r"\bgsk_[A-Za-z0-9]{48,}\b")),
    ("Replicate token", ("r8_",), re.compile(r"\br8_[A-Za-z0-9]{37}\b")),
    ("Google key", ("AIza",), re.compile(r"\bAIza[A-Za-z0-9_-]{35}")),
    ("Google OAuth secret", ("GOCSPX-",), re.compile(r"\bGOCSPX-[A-Za-z0-9_-]{28}")),
    ("Google OAuth token", ("ya29.",), re.compile(r"\bya29\.[A-Za-z0-9_-]{30,}")),
    ("SendGrid key", ("SG.",), re.compile(r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}")),
    ("Mailgun key", ("key-",), re.compile(r"\bkey-[0-9a-f]{32}\b")),
    ("Mailchimp key", ("-us",), re.compile(r"\b[0-9a-f]{32}-us\d{1,2}\b")),
    ("Twilio key", ("SK",), re.compile(r"\bSK[0-9a-f]{32}\b")),
    ("Square token", ("sq0", "EAAA"), re.compile(r"\b(?:sq0atp-|sq0csp-|EAAA)[A-Za-z0-9_-]{22,}")),
    ("Shopify token", ("shp",), re.compile(r"\bshp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}\b")),
    ("DigitalOcean token", ("_v1_",), re.compile(r"\bdo[opr]_v1_[a-f0-9]{64}\b")),
    ("Vault token", ("hvs.", "hvb.", "hvr."), re.compile(r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}")),
    ("Databricks token", ("dapi",), re.compile(r"\bdapi[a-f0-9]{32}\b")),
    ("Docker token", ("dckr_pat_",), re.compile(r"\bdckr_pat_[A-Za-z0-9_-]{27}")),
    ("Atlassian token", ("ATATT3",), re.compile(r"\bATATT3[A-Za-z0-9_=-]{100,}")),
    ("Bitbucket token", ("ATBB",), re.compile(r"\bATBB[A-Za-z0-9]{32}")),
    ("Grafana token", ("glsa_",), re.compile(r"\bglsa_[A-Za-z0-9]{32}_[a-f0-9]{8}\b")),
    ("New Relic key", ("NRAK-",), re.compile(r"\bNRAK-[A-Z0-9]{27}\b")),
    ("Postman key", ("PMAK-",), re.compile(r"\bPMAK-[a-f0-9]{24}-[a-f0-9]{34}\b")),
    ("Linear key", ("lin_api_",), re.compile(r"\blin_api_[A-Za-z0-9]{40}\b")),
    (
        "Notion token",
        ("secret_", "ntn_"),
        re.compile(r"\b(?:secret_[A-Za-z0-9]{43}|ntn_[A-Za-z0-9]{46})\b"),
    ),
    ("Figma token", ("figd_",), re.compile(r"\bfigd_[A-Za-z0-9_-]{40,}")),
    ("Airtable token", ("pat",), re.compile(r"\bpat[A-Za-z0-9]{14}\.[a-f0-9]{64}\b")),
    (
        "PlanetScale token",
        ("pscale_",),
        re.compile(r"\bpscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,}"),
    ),
    ("Supabase token", ("sbp_", "sbs_"), re.compile(r"\bsb[ps]_[a-f0-9]{40}\b")),
    ("Doppler token", ("dp.",), re.compile(r"\bdp\.(?:pt|st|ct|sa)\.[A-Za-z0-9]{40,}")),
    ("Pulumi token", ("pul-",), re.compile(r"\bpul-[a-f0-9]{40}\b")),
    (
        "Terraform token",
        (".atlasv1.",),
        re.compile(r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}"),
    ),
    ("Sentry token", ("sntry",), re.compile(r"\bsntry[su]_[A-Za-z0-9_=+/-]{40,}")),
    ("Azure storage key", ("AccountKey=",), re.compile(r"\bAccountKey=([A-Za-z0-9+/]{86}==)")),
    ("npm token", ("npm_",), re.compile(r"\bnpm_[A-Za-z0-9]{36}")),
    ("PyPI token", ("pypi-",), re.compile(r"\bpypi-[A-Za-z0-9_-]{50,}")),
    ("RubyGems key", ("rubygems_",), re.compile(r"\brubygems_[a-f0-9]{48}\b")),
    (
        "JWT",
        ("eyJ",),
        re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    ),
)
"""A name of the kind, what such a text has in it for certain (the cheap test), and a pattern
whose last group, or else the whole match, is the secret.

The shortest secret has 16 characters, so that hiding one never touches ordinary code.
"""

PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----(.*?)(?:-----END|\Z)", re.DOTALL
)
"""Its group is the key; without an end it reaches to the end of the text."""


def find_tokens(text: str) -> Iterator[tuple[str, Span]]:
    """The kind and the place of each token, not in order."""
    for kind, marks, pattern in TOKEN_FORMATS:
        if not any(mark in text for mark in marks):
            continue
        for match in pattern.finditer(text):
            group = match.lastindex or 0
            yield kind, Span(match.start(group), match.end(group))
