"""What a reviewer is shown beside the selection."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from backend_developer.core.model import Document, Span
from backend_developer.engines.base import Surroundings
from backend_developer.files import language_of
from backend_developer.project.disk import facts_of_document
from backend_developer.project.index import Project
from backend_developer.reader import WorkspaceReader
from backend_developer.sendable import load_denials
from backend_developer.surroundings import gather

SHOP = {
    "app/main.py": (
        "from fastapi import FastAPI, Depends\n"
        "from app.routes import orders\n"
        "from app.security import current_user\n\n"
        "app = FastAPI()\n"
        'app.include_router(orders.router, prefix="/shop", dependencies=[Depends(current_user)])\n'
    ),
    "app/security.py": (
        "from fastapi import HTTPException\n\n\n"
        "def current_user(token: str):\n    raise HTTPException(401)\n\n\n"
        "def unused():\n    pass\n"
    ),
    "app/models.py": (
        "class Order(Base):\n    __tablename__ = 'orders'\n    owner_id = Column(Integer)\n\n\n"
        "class Other(Base):\n    pass\n"
    ),
    "app/routes/__init__.py": "",
    "app/routes/orders.py": (
        "from fastapi import APIRouter, Depends\n"
        "from ..models import Order\n"
        "from ..security import current_user\n\n"
        "router = APIRouter()\n\n\n"
        '@router.get("/orders/{id}")\n'
        "def order(id: int, user=Depends(current_user)):\n"
        "    found = session.query(Order).get(id)\n"
        '    return templates.TemplateResponse("order.html", {"order": found})\n\n\n'
        '@router.get("/health")\n'
        "def health():\n"
        "    return 1\n"
    ),
    "templates/order.html": "<h1>{{ order.title|safe }}</h1>\n",
    "openapi.yml": (
        "openapi: 3.1.0\ninfo: {title: Shop, version: '1'}\npaths:\n  /shop/orders/{order_id}:\n"
        "    get:\n      operationId: order\n      responses: {'200': {description: it}}\n"
    ),
}
NODE = {
    "src/users.ts": (
        "import { findUser } from './db';\n"
        "import config from '@/config';\n"
        "import express from 'express';\n\n"
        "export async function show(request, response) {\n"
        "  response.json(await findUser(request.params.id, config.limit));\n"
        "}\n"
    ),
    "src/db/index.ts": "export const findUser = async (id: string) => {\n  return id;\n};\n",
    "src/config.ts": "const config = { limit: 10 };\nexport default config;\n",
}


def around(
    files: Mapping[str, str], path: str, marker: str, root: Path, tokens: int = 12_000
) -> Surroundings:
    """What surrounds the last function that begins with `marker`."""
    (root / ".git").mkdir(parents=True)
    documents = []
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        language = language_of(file)
        if language:
            documents.append(Document(file.as_uri(), str(file), language, text))
    facts = [facts for one in documents if (facts := facts_of_document(one))]
    project = Project.of(facts)
    document = next(one for one in documents if one.path == str(root / path))
    start = document.text.index(marker)
    end = document.text.find("\n\n\n", start)
    span = Span(start, end if end > 0 else len(document.text))
    reader = WorkspaceReader(root, load_denials(root, {"HOME": str(root.parent)}))
    return gather(document, span, reader, project, tokens)


def shown(surroundings: Surroundings) -> list[tuple[str, str, str]]:
    return [(one.path, one.text.split("\n")[0], one.why) for one in surroundings.excerpts]


def test_a_route_is_shown_with_its_guard_model_router_template_and_description(
    tmp_path: Path,
) -> None:
    found = around(SHOP, "app/routes/orders.py", '@router.get("/orders', tmp_path / "shop")
    by_path = {path: (first, why) for path, first, why in shown(found)}
    assert by_path["app/security.py"] == (
        "def current_user(token: str):",
        "guard of the selection",
    )
    assert by_path["app/models.py"] == ("class Order(Base):", "used by the selection")
    assert by_path["app/main.py"][1] == "where the router is mounted"
    assert by_path["templates/order.html"][1] == "template of the selection"
    assert by_path["openapi.yml"][1] == "description of GET /shop/orders/{order_id}"
    texts = "\n".join(one.text for one in found.excerpts)
    assert "dependencies=[Depends(current_user)]" in texts
    assert "def unused" not in texts
    assert "class Other" not in texts
    assert found.left_out == ()


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    found = around(SHOP, "app/routes/orders.py", '@router.get("/orders', tmp_path / "shop", 60)
    assert found.excerpts
    assert "Order (app/models.py)" in found.left_out
    nothing = around(SHOP, "app/main.py", "app = ", tmp_path / "other", 0)
    assert nothing == Surroundings()


def test_imports_of_javascript_are_followed(tmp_path: Path) -> None:
    found = around(NODE, "src/users.ts", "export async", tmp_path / "node")
    assert [(path, first) for path, first, _ in shown(found)] == [
        ("src/db/index.ts", "export const findUser = async (id: string) => {"),
        ("src/config.ts", "const config = { limit: 10 };"),
    ]


@pytest.mark.parametrize("denied", ["app/models.py", "templates/"])
def test_what_is_denied_is_not_shown(tmp_path: Path, denied: str) -> None:
    files = {**SHOP, ".backend-developer.ignore": f"{denied}\n"}
    found = around(files, "app/routes/orders.py", '@router.get("/orders', tmp_path / "shop")
    assert not any(one.path.startswith(denied) for one in found.excerpts)
    assert any(one.path == "app/security.py" for one in found.excerpts)


def test_a_file_that_is_too_large_is_shown_by_its_outline(tmp_path: Path) -> None:
    functions = [f"def f{number}(x):\n    return {number * 10**40}\n\n\n" for number in range(900)]
    found = around({"big.py": "".join(functions)}, "big.py", "def f7(", tmp_path / "big")
    [outline] = found.excerpts
    assert outline.why == "outline of the reviewed file"
    assert outline.text.splitlines()[7] == "29: def f7(x):"
