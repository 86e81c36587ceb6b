"""What the files of a change are to each other and to the project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from backend_developer.change import Fit
from backend_developer.core.changes import ChangeSet, Dependency, FileChange, split
from backend_developer.core.model import Document, Span, TextEdit
from backend_developer.files import language_of
from backend_developer.fit import check_fit
from backend_developer.project.index import Project
from backend_developer.reader import WorkspaceReader
from backend_developer.sendable import load_denials

HEADER = re.compile(r"^//- /(\S+)\n", re.MULTILINE)


def files_of(text: str) -> dict[str, str]:
    """`//- /path` begins each file."""
    parts = HEADER.split(text.lstrip("\n"))[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def change_of(
    root: Path, before: Mapping[str, str], after: Mapping[str, str], *names: str
) -> ChangeSet:
    """The change that makes `after` of `before`; `names` are its dependencies."""
    files = []
    for path, text in sorted(after.items()):
        old = before.get(path, "")
        document = Document(
            f"file://{root}/{path}", f"{root}/{path}", language_of(Path(path)) or "", old
        )
        edits = split(old, TextEdit(Span(0, len(old)), text))
        files.append(FileChange(path, document, edits, is_new=path not in before))
    dependencies = tuple(Dependency(name, "", "It is needed.") for name in names)
    return ChangeSet(tuple(files), dependencies=dependencies)


def fit_of(root: Path, before: str, after: str, *names: str, buffers: str = "") -> Fit:
    old = files_of(before)
    for path, text in old.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    unsaved = files_of(buffers)
    reader = WorkspaceReader(
        root,
        load_denials(root, {"HOME": str(root / "home")}),
        {str(root / path): text for path, text in unsaved.items()},
    )
    change = change_of(root, old | unsaved, files_of(after), *names)
    return check_fit(change, reader, Project())


def check(root: Path, before: str, after: str, *problems: str, names: tuple[str, ...] = ()) -> None:
    assert fit_of(root, before, after, *names).problems == problems


MODELS = """
//- /app/__init__.py
//- /app/models.py
class User:
    pass


class Order:
    pass


def total(order):
    return order
"""


@pytest.mark.parametrize(
    ("before", "after", "problems"),
    [
        pytest.param(
            MODELS,
            """
//- /app/limits.py
LIMIT = 10


def limited(request):
    return request
//- /app/api.py
from app.limits import LIMIT, limited
from .models import Order

limited(Order, LIMIT)
""",
            (
                "app/api.py: The call of `limited` on line 4 does not fit its signature in "
                "app/limits.py: it passes 2 positional arguments of 1.",
            ),
            id="a new module and who calls it",
        ),
        pytest.param(
            MODELS,
            """
//- /app/limits.py
LIMIT = 10
//- /app/api.py
from app.limits import LIMIT, limiter
from app.models import Invoice

print(LIMIT, limiter, Invoice)
""",
            (
                "app/api.py: It imports `limiter` from app/limits.py on line 1, which does not "
                "define it.",
                "app/api.py: It imports `Invoice` from app/models.py on line 2, which does not "
                "define it.",
            ),
            id="names that a new and an old file do not define",
        ),
        pytest.param(
            MODELS,
            """
//- /app/api.py
from app.missing import thing
from .elsewhere import other
from . import models, nowhere
import app.models.inner
""",
            (
                "app/api.py: It imports `app.missing` on line 1, and there is no such module in "
                "the workspace.",
                "app/api.py: It imports `.elsewhere` on line 2, and there is no such module in "
                "the workspace.",
                "app/api.py: It imports `nowhere` from app/__init__.py on line 3, which does not "
                "define it.",
                "app/api.py: It imports `app.models.inner` on line 4, and there is no such module "
                "in the workspace.",
            ),
            id="modules that are not there",
        ),
        pytest.param(
            """
//- /app/__init__.py
//- /app/shop/__init__.py
from .orders import Order
from .users import *
//- /app/shop/orders.py
class Order: ...
//- /app/shop/users.py
class User: ...
""",
            """
//- /app/shop/api/routes.py
from .. import Order, User
from ..orders import Order as Same
from ...shop import orders

orders.Order()
orders.Invoice()
""",
            (
                "app/shop/api/routes.py: It uses `Invoice` of app/shop/orders.py on line 6, which "
                "does not define it.",
            ),
            id="relative imports, a package that passes names on, and a use through a module",
        ),
        pytest.param(
            MODELS,
            """
//- /app/models.py
class User:
    pass
//- /app/api.py
from app import models


def show(models):
    return models.Order


print(models.User)
""",
            (),
            id="a name that stands for something else somewhere",
        ),
        pytest.param(
            MODELS,
            """
//- /app/dynamic.py
import sys

def __getattr__(name):
    return name
//- /app/many.py
for name in ("a", "b"):
    globals()[name] = 1
//- /app/ways.py
try:
    import orjson as json
except ImportError:
    json = None

if json:
    with open("x") as stream:
        first, *rest = stream
else:
    first = rest = value = None
__all__ = ["made_elsewhere"]
//- /app/api.py
from app.dynamic import anything
from app.many import a
from app.ways import json, stream, first, rest, value, made_elsewhere, __file__
""",
            (),
            id="all the ways to define a name",
        ),
        pytest.param(
            """
//- /src/shop/core.py
LIMIT = 1
//- /tests/test_core.py
from shop.core import LIMIT
//- /tests/helpers.py
def make():
    return 1
""",
            """
//- /tests/test_more.py
from shop.core import LIMIT, LOWER
from helpers import make
from tests.helpers import make as same
from shop import core
//- /src/shop/more.py
from shop.core import LIMIT
from . import core
""",
            (
                "tests/test_more.py: It imports `LOWER` from src/shop/core.py on line 1, which "
                "does not define it.",
            ),
            id="a src folder, namespace packages, and tests",
        ),
        pytest.param(
            MODELS,
            """
//- /app/broken.py
def f(:
//- /app/api.py
from app.broken import whatever
""",
            (),
            id="a file with a syntax error",
        ),
        pytest.param(
            MODELS
            + """
//- /app/api.py
from app.models import Invoice
from app.gone import thing

print(Invoice)
""",
            """
//- /app/api.py
from app.models import Invoice
from app.gone import thing

print(Invoice, thing)
//- /app/models.py
class User:
    name = ""


class Order:
    pass


def total(order):
    return order
""",
            (),
            id="what was wrong before",
        ),
        pytest.param(
            MODELS,
            """
//- /app/api.py
try:
    from app.fast import run
except ImportError:
    from app.slow import run
from app.proto.orders_pb2 import Order
""",
            (),
            id="imports that may fail, or are generated",
        ),
    ],
)
def test_python_imports(tmp_path: Path, before: str, after: str, problems: tuple[str, ...]) -> None:
    check(tmp_path, before, after, *problems)


@pytest.mark.parametrize(
    ("before", "after", "problems"),
    [
        pytest.param(
            MODELS
            + """
//- /app/jobs.py
from app.models import (
    Order,
    total as sum_of,
)
//- /app/views.py
from . import models

models.total(1)
""",
            """
//- /app/models.py
class User:
    pass


class Order:
    pass
""",
            (
                "app/models.py: It no longer defines `total`, which app/jobs.py imports on line 3.",
                "app/models.py: It no longer defines `total`, which app/views.py uses on line 3.",
            ),
            id="a function of Python",
        ),
        pytest.param(
            MODELS
            + """
//- /app/jobs.py
from app.models import total
""",
            """
//- /app/sums.py
def total(order):
    return order
//- /app/models.py
from app.sums import total


class User:
    pass


class Order:
    pass
""",
            (),
            id="a function that is moved and passed on",
        ),
        pytest.param(
            """
//- /src/orders.ts
export const total = (x: number) => x;
export function tax(x: number) { return x; }
export default class Orders {}
//- /src/jobs.ts
import Orders, { total } from "./orders";
//- /src/lib/all.js
const orders = require("../orders");
orders.tax(1);
""",
            """
//- /src/orders.ts
export const totals = (x: number) => x;
""",
            (
                "src/orders.ts: It no longer exports a default, which src/jobs.ts imports on "
                "line 1.",
                "src/orders.ts: It no longer exports `total`, which src/jobs.ts imports on line 1.",
                "src/orders.ts: It no longer exports `tax`, which src/lib/all.js uses on line 2.",
            ),
            id="exports of TypeScript",
        ),
        pytest.param(
            """
//- /src/users.module.ts
@Module({ exports: [UsersService] })
export class UsersModule {}
//- /src/typed.js
export function load(id: string): ?User { return find(id); }
//- /src/app.module.ts
import { UsersModule } from './users.module';
//- /src/main.js
import { load } from './typed';
""",
            """
//- /src/users.module.ts
@Module({ exports: [UsersService] })
export class PeopleModule {}
//- /src/typed.js
export function fetch(id: string): ?User { return find(id); }
""",
            (
                "src/users.module.ts: It no longer exports `UsersModule`, which src/app.module.ts "
                "imports on line 1.",
                "src/typed.js: It no longer exports `load`, which src/main.js imports on line 1.",
            ),
            id="a Nest module that has exports of its own, and a file with Flow's types",
        ),
    ],
)
def test_a_name_that_goes_is_missed_by_no_other_file(
    tmp_path: Path, before: str, after: str, problems: tuple[str, ...]
) -> None:
    check(tmp_path, before, after, *problems)


SHOP = """
//- /shop/__init__.py
from .orders import load
//- /shop/orders.py
def load(number):
    return number


class Order:
    def __init__(self, number):
        self.number = number

    def pay(self, amount):
        return amount
//- /shop/jobs.py
from shop.orders import load as fetch

fetch(1)
//- /shop/views.py
from . import orders
from shop import load

orders.load(1)
load(number=2)
orders.Order(3)
"""


@pytest.mark.parametrize(
    ("after", "problems", "unchecked"),
    [
        pytest.param(
            """
//- /shop/orders.py
def load(number, shop):
    return number, shop


class Order:
    def __init__(self, number, shop):
        self.number = number, shop

    def pay(self, amount):
        return amount
""",
            (
                "shop/orders.py: It changes the signature of `load`, and the call in shop/jobs.py "
                "on line 3 does not fit: `shop` is missing.",
                "shop/orders.py: It changes the signature of `load`, and the call in "
                "shop/views.py on line 4 does not fit: `shop` is missing.",
                "shop/orders.py: It changes the signature of `load`, and the call in "
                "shop/views.py on line 5 does not fit: `shop` is missing.",
                "shop/orders.py: It changes the signature of `Order`, and the call in "
                "shop/views.py on line 6 does not fit: `shop` is missing.",
            ),
            (),
            id="callers left behind in two files",
        ),
        pytest.param(
            """
//- /shop/orders.py
def load(number, shop):
    return number, shop


class Order:
    def __init__(self, number):
        self.number = number

    def pay(self, amount):
        return amount
//- /shop/jobs.py
from shop.orders import load as fetch

fetch(1, 2)
//- /shop/views.py
from shop import load

load(number=2)
""",
            (
                "shop/views.py: The call of `load` on line 3 does not fit its signature in "
                "shop/orders.py: `shop` is missing.",
            ),
            (),
            id="callers in the change",
        ),
        pytest.param(
            """
//- /shop/orders.py
async def load(number):
    return number


class Order:
    def __init__(self, number):
        self.number = number

    def pay(self, amount):
        return amount
""",
            (
                "shop/orders.py: It makes `load` async, but shop/jobs.py does not await it on "
                "line 3.",
                "shop/orders.py: It makes `load` async, but shop/views.py does not await it on "
                "line 4.",
                "shop/orders.py: It makes `load` async, but shop/views.py does not await it on "
                "line 5.",
            ),
            (),
            id="a function that becomes async",
        ),
        pytest.param(
            """
//- /shop/orders.py
def load(number: int, shop: str = "") -> int:
    return number


class Order:
    def __init__(self, number):
        self.number = number

    def pay(self, amount, currency):
        return amount, currency
//- /shop/cart.py
def buy(order):
    return order.pay(1, "EUR")
""",
            (),
            (
                "shop/orders.py: The signature of `Order.pay` changed; its calls in shop/cart.py "
                "were not compared with it.",
            ),
            id="what still fits, and a method",
        ),
    ],
)
def test_calls_in_other_files_fit_a_changed_signature(
    tmp_path: Path, after: str, problems: tuple[str, ...], unchecked: tuple[str, ...]
) -> None:
    assert fit_of(tmp_path, SHOP, after) == Fit(problems, unchecked)


@pytest.mark.parametrize(
    ("after", "unchecked"),
    [
        pytest.param(
            """
//- /src/orders.service.ts
export const total = (x: number, tax: number) => x + tax;
export class OrdersService {
  create(order: string, user: string) { return order + user; }
  list() { return 1; }
}
export default function count(orders: string[], all: boolean) { return all; }
""",
            (
                "src/orders.service.ts: The signature of `total` changed; its calls in "
                "src/jobs.ts were not compared with it.",
                "src/orders.service.ts: The signature of `OrdersService.create` changed; its "
                "calls in src/orders.controller.ts were not compared with it.",
                "src/orders.service.ts: The signature of `default` changed; its calls in "
                "src/jobs.ts were not compared with it.",
            ),
            id="a function and a method that others import",
        ),
        pytest.param(
            """
//- /src/orders.service.ts
export const total = (x: number) => x + 1;
export class OrdersService {
  create(order: string) { return order; }
  list(all: boolean) { return all; }
}
export default function count(orders: string[]) { return orders; }
const inner = (y: number) => y;
""",
            (),
            id="what nobody calls",
        ),
    ],
)
def test_calls_of_typescript_are_said_not_to_be_compared(
    tmp_path: Path, after: str, unchecked: tuple[str, ...]
) -> None:
    before = """
//- /src/orders.service.ts
export const total = (x: number) => x;
export class OrdersService {
  create(order: string) { return order; }
  list() { return 1; }
}
export default function count(orders: string[]) { return orders; }
//- /src/jobs.ts
import number, { total } from './orders.service';
total(number([]));
//- /src/orders.controller.ts
import { OrdersService } from './orders.service';
export class OrdersController {
  constructor(private orders: OrdersService) {}
  create() { return this.orders.create('a'); }
}
"""
    assert fit_of(tmp_path, before, after) == Fit((), unchecked)


NEST = """
//- /package.json
{"dependencies": {"@nestjs/common": "^10.0.0", "@nestjs/core": "^10.0.0"}}
//- /src/app.module.ts
import { Module } from '@nestjs/common';

@Module({})
export class AppModule {}
//- /src/types.ts
export interface User { id: number }
export type Id = number;
//- /src/config.json
{}
"""


@pytest.mark.parametrize(
    ("before", "after", "problems"),
    [
        pytest.param(
            NEST,
            """
//- /src/orders/orders.service.ts
import { Injectable } from '@nestjs/common';
import type { User, Missing } from '../types';

@Injectable()
export class OrdersService {}
//- /src/app.module.ts
import { Module } from '@nestjs/common';
import { OrdersService } from './orders/orders.service';
import { OrdersModule } from './orders/orders.module';
import config from './config.json';

@Module({ providers: [OrdersService], imports: [OrdersModule] })
export class AppModule {}
""",
            (
                "src/app.module.ts: It imports `./orders/orders.module` on line 3, and there is "
                "no such module in the workspace.",
                "src/orders/orders.service.ts: It imports `Missing` from src/types.ts on line 2, "
                "which does not export it.",
            ),
            id="a Nest module and a new service",
        ),
        pytest.param(
            """
//- /tsconfig.json
{
  // comments are allowed here
  "compilerOptions": { "paths": { "@/*": ["./src/*"], "@shared/*": ["./libs/*"], } }
}
//- /src/lib/index.ts
export * from './inner';
export { helper as help } from './inner';
//- /src/lib/inner.ts
export function helper() {}
//- /src/plain.ts
export const one = 1, { two, three: four } = { two: 2, three: 3 };
export default function () {}
export enum Kind { A }
export abstract class Base {}
export namespace Inner {}
""",
            """
//- /src/main.ts
import { anything } from './lib';
import { help } from '@/lib';
import { one, two, four, Kind, Base, Inner } from '@/plain';
import plain, { three } from './plain.js';
import nothing from '@/lib/inner';
import { gone } from '@/lib/gone';
import { x } from '@shared/x';
import { y } from '#internal';
import './styles.css';
""",
            (
                "src/main.ts: It imports `three` from src/plain.ts on line 4, which does not "
                "export it.",
                "src/main.ts: It imports src/lib/inner.ts on line 5 as a default, and that has no "
                "default export.",
                "src/main.ts: It imports `@/lib/gone` on line 6, and there is no such module in "
                "the workspace.",
            ),
            id="default and named exports, index files and aliases",
        ),
        pytest.param(
            """
//- /package.json
{"dependencies": {"express": "4"}}
//- /lib/users.js
const all = () => [];
exports.all = all;
module.exports.one = (id) => id;
//- /lib/orders.js
module.exports = { list, total: () => 1 };
function list() {}
//- /lib/dynamic.js
module.exports = require('./orders');
""",
            """
//- /app.js
const express = require('express');
const { all, one, two } = require('./lib/users');
const orders = require('./lib/orders.js');
const { whatever } = require('./lib/dynamic');
const gone = require('./lib/gone');

orders.list(orders.total());
orders.cancel();
""",
            (
                "app.js: It imports `two` from lib/users.js on line 2, which does not export it.",
                "app.js: It imports `./lib/gone` on line 5, and there is no such module in the "
                "workspace.",
                "app.js: It uses `cancel` of lib/orders.js on line 8, which does not export it.",
            ),
            id="CommonJS",
        ),
        pytest.param(
            NEST,
            """
//- /src/broken.ts
export const = ;
//- /src/main.ts
import { whatever } from './broken';
""",
            (),
            id="a file with a syntax error",
        ),
    ],
)
def test_javascript_imports(
    tmp_path: Path, before: str, after: str, problems: tuple[str, ...]
) -> None:
    check(tmp_path, before, after, *problems)


PYTHON = """
//- /pyproject.toml
[project]
name = "shop"
dependencies = ["fastapi>=0.110", "PyYAML", "passlib[bcrypt]"]
//- /app/main.py
import fastapi
import httpx
"""
NODE = """
//- /package.json
{"name": "root", "devDependencies": {"@types/express": "^4"}}
//- /services/orders/package.json
{"name": "@shop/orders", "dependencies": {"koa": "^2"}}
//- /services/orders/main.js
import Koa from 'koa';
import pino from 'pino';
"""


@pytest.mark.parametrize(
    ("before", "after", "names", "problems"),
    [
        pytest.param(
            PYTHON,
            "//- /app/limits.py\nimport slowapi\nfrom slowapi.util import get_remote_address\n",
            (),
            (
                "app/limits.py: It imports `slowapi`, which the project does not depend on: use "
                "what is there, or name it in `dependencies`.",
            ),
            id="not declared",
        ),
        pytest.param(
            PYTHON,
            "//- /app/limits.py\nimport slowapi\nimport jwt\n",
            ("SlowAPI>=0.1", "PyJWT[crypto]", "never-imported", "fastapi"),
            (),
            id="named as dependencies",
        ),
        pytest.param(
            PYTHON,
            """
//- /pyproject.toml
[project]
name = "shop"
dependencies = ["fastapi>=0.110", "PyYAML", "passlib[bcrypt]", "slowapi~=0.1"]
//- /app/limits.py
import slowapi
""",
            (),
            (),
            id="declared by the change",
        ),
        pytest.param(
            PYTHON,
            """
//- /app/more.py
from __future__ import annotations
import asyncio, os.path
import yaml
import httpx
import bcrypt
from starlette.requests import Request
from shop import api
from typing_extensions import Self
try:
    import orjson
except ImportError:
    orjson = None
""",
            (),
            (),
            id="declared, imported elsewhere, brought by a framework, or not needed",
        ),
        pytest.param(
            PYTHON,
            "//- /app/files.py\nfrom google.cloud import storage, pubsub\n",
            ("google-cloud-storage",),
            (
                "app/files.py: It imports `google.cloud.pubsub`, which the project does not "
                "depend on: use what is there, or name it in `dependencies`.",
            ),
            id="packages that share a name",
        ),
        pytest.param(
            NODE,
            """
//- /services/orders/limits.ts
import fs from 'fs';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import type { Request } from 'express';
import Koa from 'koa/lib/application';
import pino from 'pino';
import { Order } from '@shop/orders';
import limit from 'koa-ratelimit';
import { Throttler } from '@nestjs/throttler/dist';
const lodash = require('lodash/get');
""",
            ("@nestjs/throttler@^5",),
            (
                "services/orders/limits.ts: It imports `koa-ratelimit`, which the project does "
                "not depend on: use what is there, or name it in `dependencies`.",
                "services/orders/limits.ts: It imports `lodash`, which the project does not "
                "depend on: use what is there, or name it in `dependencies`.",
            ),
            id="of npm",
        ),
        pytest.param(
            NODE,
            """
//- /services/orders/package.json
{"name": "@shop/orders", "dependencies": {"koa": "^2", "lodash": "^4"}}
//- /services/orders/limits.js
const lodash = require('lodash/get');
""",
            (),
            (),
            id="declared by the change in package.json",
        ),
        pytest.param(
            NODE,
            '//- /services/orders/package.json\n{"dependencies": {"koa": "^2"\n',
            (),
            (
                "services/orders/package.json: It is not valid, so that it cannot be told what "
                "it declares.",
            ),
            id="a manifest that the change breaks",
        ),
    ],
)
def test_a_new_package_is_one_that_the_project_depends_on(
    tmp_path: Path, before: str, after: str, names: tuple[str, ...], problems: tuple[str, ...]
) -> None:
    check(tmp_path, before, after, *problems, names=names)


@pytest.mark.parametrize(
    ("before", "unchecked"),
    [
        pytest.param(
            "//- /app/main.py\n",
            "app/limits.py: Whether the project depends on `slowapi` was not checked, since no "
            "file says what it depends on.",
            id="no manifest",
        ),
        pytest.param(
            "//- /pyproject.toml\n[project\n//- /requirements.txt\nfastapi\n",
            "pyproject.toml: It is not valid, so that it cannot be told what it declares. Whether "
            "the project depends on `slowapi` was not checked.",
            id="one that is not valid",
        ),
    ],
)
def test_where_dependencies_are_not_known_that_is_said(
    tmp_path: Path, before: str, unchecked: str
) -> None:
    after = "//- /app/limits.py\nimport slowapi\n"
    assert fit_of(tmp_path, before, after) == Fit((), (unchecked,))


@pytest.mark.parametrize(
    ("orders", "users", "problems"),
    [
        pytest.param(
            "from app.users import User\n\n\nclass Order:\n    owner: User\n",
            "from app.orders import Order\n\n\nclass User:\n    orders: list[Order]\n",
            (
                "app/users.py: It imports `Order` from app/orders.py on line 1, which imports "
                "this file before it defines that: neither can be imported first.",
            ),
            id="whichever is first",
        ),
        pytest.param(
            "class Order: ...\n\n\nfrom app.users import User\n\nprint(User)\n",
            "from app.orders import Order\n\n\nclass User:\n    orders: list[Order]\n",
            (),
            id="one of them may be first",
        ),
        pytest.param(
            "def orders():\n    from app.users import User\n\n    return User\n\n\nOrder = 1\n",
            "from app.orders import Order\n\nUser = Order\n",
            (),
            id="when it is called",
        ),
        pytest.param(
            "import app.users\n\n\ndef owner():\n    return app.users.User()\n\n\nOrder = 1\n",
            "import app.orders\n\nUser = int\nprint(app.orders)\n",
            (),
            id="modules and no names",
        ),
    ],
)
def test_modules_that_import_each_other(
    tmp_path: Path, orders: str, users: str, problems: tuple[str, ...]
) -> None:
    after = f"//- /app/orders.py\n{orders}//- /app/users.py\n{users}"
    check(tmp_path, "//- /app/__init__.py\n", after, *problems)


def test_a_workspace_may_be_a_package_or_a_part_of_a_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "log.py").write_text("")
    before = """
//- /requirements.txt
fastapi
//- /__init__.py
LIMIT = 1
//- /models.py
class User: ...
"""
    after = """
//- /api.py
from common.log import logger
from shop.models import User
from . import LIMIT, LOWER, models
"""
    check(
        tmp_path / "shop",
        before,
        after,
        "api.py: It imports `LOWER` from __init__.py on line 3, which does not define it.",
    )


@pytest.mark.parametrize("name", ["x" * 5000, "./" + "y" * 5000, "./\0", "./😀", "~", "\ud800"])
def test_any_text_may_stand_where_a_module_does(tmp_path: Path, name: str) -> None:
    after = f"//- /a.js\nimport a from '{name}';\n//- /b.py\nimport {'m' * 5000}\n"
    fit = fit_of(tmp_path, "//- /package.json\n{}\n", after)
    assert "could not be checked" not in " ".join(fit.unchecked)


def test_a_package_is_imported_before_what_is_in_it(tmp_path: Path) -> None:
    """So `core` is never the first of the two, and this order works."""
    after = """
//- /shop/__init__.py
from shop.base import Base
from shop.inner import core
//- /shop/base.py
class Base: ...


from shop.inner.core import Core
//- /shop/inner/core.py
from shop.base import Base


class Core(Base): ...
"""
    check(tmp_path, "//- /README.md\n", after)


def test_a_folder_that_is_called_as_a_dependency_is_no_package_of_ours(tmp_path: Path) -> None:
    before = """
//- /requirements/base.txt
alembic==1.13.0
//- /alembic/env.py
import os
"""
    check(tmp_path, before, "//- /alembic/versions/1_start.py\nfrom alembic import op\n")


def test_what_is_typed_counts_and_not_what_is_on_disk(tmp_path: Path) -> None:
    fit = fit_of(
        tmp_path,
        "//- /app/models.py\nclass User: ...\n",
        "//- /app/api.py\nfrom app.models import Order, User\n",
        buffers="//- /app/models.py\nclass Order: ...\n",
    )
    assert fit.problems == (
        "app/api.py: It imports `User` from app/models.py on line 1, which does not define it.",
    )


def test_a_module_that_git_ignores_or_that_is_compiled_is_believed(tmp_path: Path) -> None:
    before = """
//- /.gitignore
settings_local.py
config.ts
//- /app/__init__.py
//- /app/fast.cpython-311-x86_64-linux-gnu.so
//- /src/main.ts
export const a = 1;
"""
    (tmp_path / ".git").mkdir()
    after = """
//- /app/api.py
from app.settings_local import KEY
from app.fast import run
from . import fast
//- /src/more.ts
import { config } from './config';
import { b } from '../dist/made';
"""
    check(tmp_path, before, after)


def test_without_a_workspace_the_files_are_compared_with_each_other(tmp_path: Path) -> None:
    after = files_of("//- /a.py\nfrom .b import x, y\nfrom .c import z\n//- /b.py\nx = 1\n")
    fit = check_fit(change_of(tmp_path, {}, after), None, Project())
    assert fit == Fit(("a.py: It imports `y` from b.py on line 1, which does not define it.",), ())
