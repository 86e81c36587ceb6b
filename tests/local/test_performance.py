"""Calls that block the event loop, regular expressions that explode, reads that wait for each
other: a line that ends in `# found` or `// found` is found, and no other is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_developer.core.model import Document, Proposal, Span
from backend_developer.core.patterns import explodes, takes_polynomial_time
from backend_developer.detector import Source
from backend_developer.performance import PerformanceDetector

_MARK = re.compile(r"\s*(?:#|//) found$", re.MULTILINE)


def check(rule: str, language: str, marked: str, path: str = "app/service") -> None:
    text = _MARK.sub("", marked)
    expected = [number for number, line in enumerate(marked.split("\n")) if _MARK.search(line)]
    lines = {
        text.count("\n", 0, proposal.where.start)
        for proposal in find(text, language, path)
        if proposal.rule == rule
        and proposal.confidence != "low"
        and isinstance(proposal.where, Span)
    }
    assert sorted(lines) == expected


def find(text: str, language: str, path: str = "app/service") -> list[Proposal]:
    detector = PerformanceDetector()
    [found] = detector.find([Source(Document("file:///x", path, language, text))], detector.rules)
    return found


BLOCKING = {
    "functions": """
import requests, subprocess, time, httpx
from time import sleep
import urllib.request as web
async def load(url):
    requests.get(url).json()  # found
    sleep(1)  # found
    web.urlopen(url)  # found
    subprocess.run(["ls"])  # found
    bcrypt.checkpw(password, digest)  # found
    await asyncio.to_thread(requests.get, url)
    await loop.run_in_executor(None, lambda: requests.get(url))
    def later():
        time.sleep(1)
    await asyncio.to_thread(later)
def plain(url):
    return requests.get(url)
""",
    "what a name stands for": """
import httpx, redis, sqlite3
from openai import OpenAI
from sqlalchemy.orm import Session
ai = OpenAI()
class Service:
    def __init__(self):
        self.cache = redis.Redis()
    async def get(self, key):
        return self.cache.get(key)  # found
async def ask(url, db: Session, client: httpx.AsyncClient):
    with httpx.Client() as http:
        http.get(url)  # found
    ai.chat.completions.create(model="m")  # found
    db.query(User).filter_by(id=1).first()  # found
    connection = sqlite3.connect("x")  # found
    cursor = connection.cursor()
    cursor.execute("SELECT 1")  # found
    await client.get(url)
    session = Session(engine)
    session = AsyncSession(engine)
    await session.execute(query)
def plain(db: Session):
    return db.query(User).first()
""",
    "through functions of the file": """
import requests
def fetch(url):
    return requests.get(url)
def outer(url):
    return fetch(url)
async def route(url):
    outer(url)  # found
    await asyncio.to_thread(outer, url)
class Service:
    def _load(self):
        return requests.get(self.url)
    async def load(self):
        return self._load()  # found
""",
}

OPEN_FILES = """
from io import TextIOWrapper
async def load(file: TextIOWrapper, maybe: TextIOWrapper | None, either: TextIOWrapper | Stream):
    file.read()  # found
    maybe.readlines()  # found
    either.read()
async def wrapped(file: TextIOWrapper):
    await anyio.wrap_file(file).read()
"""

FILES = """
from pathlib import Path
async def load(name, path: Path):
    with open(name) as text:  # found
        text.read()
    os.path.exists(name)  # found
    Path(name).read_text()  # found
    path.write_text("x")  # found
    async with aiofiles.open(name) as text:
        await text.read()
def plain(name):
    return open(name).read()
"""

BLOCKING_JAVASCRIPT = """
const key = crypto.scryptSync(secret, salt, 32);
app.post("/login", (req, res) => {
  const digest = crypto.pbkdf2Sync(req.body.password, salt, 210000, 64, "sha512"); // found
  res.json({ ok: check(req.body.password) });
});
function check(password) {
  return bcrypt.compareSync(password, digest); // found
}
function unused() {
  return bcrypt.hashSync("x", 12);
}
async function version() {
  return execSync("git rev-parse HEAD"); // found
}
async function loadConfig() {
  return gunzipSync(data);
}
"""

FILES_TYPESCRIPT = """
@Controller()
class Files {
  @Get("terms")
  terms() {
    return this.read("terms.html");
  }
  private read(name: string) {
    return readFileSync(name, "utf8"); // found
  }
  onModuleInit() {
    this.text = readFileSync("x");
  }
}
"""

WAITS = """
async function page(id) {
  const user = await getUser(id);
  const posts = await Post.find({ author: id }); // found
  const order = await Order.create({ id });
  const team = await getTeam(order.teamId);
  const boss = await getUser(team.bossId);
  if (boss) {
    const extra = await getExtra(id);
  }
}
async function write(tx) {
  const a = await tx.user.findFirst();
  const b = await tx.post.findFirst();
}
"""

WAITS_PYTHON = """
async def page(client, session, user_id):
    user = await fetch_user(user_id)
    posts = await fetch_posts(user_id)  # found
    first = await session.get(User, user_id)
    second = await session.get(Post, user_id)
    tags = await fetch_tags(user_id)
    likes = await fetch_likes(tags)
"""


@pytest.mark.parametrize("name", BLOCKING)
def test_what_blocks_the_event_loop_in_python(name: str) -> None:
    check("performance/blocking-call-in-async", "python", BLOCKING[name])


def test_open_files_that_are_read_on_the_event_loop() -> None:
    check("performance/sync-file-operation", "python", OPEN_FILES)


def test_files_that_are_read_on_the_event_loop() -> None:
    check("performance/sync-filesystem-call", "python", FILES)
    check("performance/sync-filesystem-call", "typescript", FILES_TYPESCRIPT)


def test_what_blocks_the_event_loop_in_javascript() -> None:
    check("performance/blocking-call-in-async", "javascript", BLOCKING_JAVASCRIPT)


def test_a_script_may_block() -> None:
    text = "async function version() {\n  return execSync('git rev-parse HEAD');\n}\n"
    check("performance/blocking-call-in-async", "javascript", text, "scripts/release.js")


def test_reads_that_wait_for_each_other() -> None:
    check("performance/sequential-awaits", "javascript", WAITS)
    check("performance/sequential-awaits", "python", WAITS_PYTHON)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^(a+)+$",
        r"^(\w+\s?)*$",
        r"([a-zA-Z]+)*\d",
        r"^(a|a)*$",
        r"^(a|b|ab)*c",
        r"^([\w.-]+\.)+com$",
        r"(x+x+)+y",
        r"^(?:(?:a|aa)+)$",
        r"(.*,)*x$",
        r"^(?:\s*\w+\s*)*$",
        r"^(a?b?)*$x",
        r"^([A-Za-z]{2,}|[a-z]+)*$",
        r"(?<word>\w*)*!",
        r"(?=(a+)+$)b",
    ],
)
def test_a_pattern_that_explodes(pattern: str) -> None:
    assert explodes(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[a-z0-9]+(?:-[a-z0-9]+)*$",
        r"^(\d{3})+$",
        r"^\d+(\.\d+)*$",
        r"(a+)+",
        r"^([^,]+,)*$",
        r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$",
        r'^"(?:[^"\\]|\\.)*"$',
        r"^(?:%[0-9a-f]{2}|[^%])*$",
        r'<(?:[^<>"]|"[^"]*")*>',
        r"(\\.|[^\\])*",
        r"(?>a+)+$",
        r"(a++)+$",
        r"(unfinished",
        r"[z",
    ],
)
def test_a_pattern_that_does_not(pattern: str) -> None:
    assert explodes(pattern) is None


@given(st.text(alphabet="ab()[]{}|*+?.^$\\-,1dws<>=!:P", max_size=30))
def test_no_text_breaks_the_reader_of_patterns(pattern: str) -> None:
    explodes(pattern)
    takes_polynomial_time(pattern, anywhere=True)


@pytest.mark.parametrize(
    ("pattern", "anywhere", "expected"),
    [
        (r"\s+$", True, True),
        (r"\s+$", False, False),
        (r"^\s+|\s+$", True, True),
        (r"^\s+", True, False),
        (r"<[^>]+>", True, True),
        (r"[a-z]+@", True, True),
        (r"\s+", True, False),
        (r"[^a-z0-9]+", True, False),
        (r"a*a*b", False, True),
        (r"^.*,.*$x", False, True),
        (r"\b\w+\b", True, False),
        (r"^[\w.+-]+@[\w-]+\.[\w.-]+$", False, False),
        (r"^[a-z0-9]+(?:-[a-z0-9]+)*$", False, False),
        (r"^\d+(\.\d+)*$", False, False),
        (r"https?://\S+", True, False),
        (r"a++b", True, False),
    ],
)
def test_a_pattern_that_takes_polynomial_time(pattern: str, anywhere: bool, expected: bool) -> None:
    assert takes_polynomial_time(pattern, anywhere=anywhere) == expected


def test_where_a_pattern_is_found() -> None:
    check(
        "performance/regex-explosion",
        "python",
        '''
NAME = re.compile(r"^(\\w+\\s?)*$")  # found
WHOLE = "(a+)+"  # found
re.fullmatch(WHOLE, text)
re.match("(a+)+", text)
Field(pattern=r"^(a+)+$")
re.compile(r"""  # found
    ( \\d+ \\s* )+ $""", re.VERBOSE)
''',
    )
    check(
        "performance/regex-explosion",
        "typescript",
        """
const name = /^(\\w+\\s?)*$/; // found
const text = new RegExp("^(\\\\w+\\\\s?)*$", "i"); // found
const good = /^\\d+(\\.\\d+)*$/;
""",
    )


def test_what_a_program_wrote_is_left_alone() -> None:
    text = "for (const u of us) { await User.findById(u); } ".replace("\n", "") * 200
    assert find(text, "javascript") == []
