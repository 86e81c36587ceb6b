"""What asks the database once per element: a line that ends in `# N+1` or `// N+1` is found, and
no other is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backend_developer.core.model import Document, Proposal, Span
from backend_developer.detector import Source
from backend_developer.performance import PerformanceDetector

RULES = frozenset({"performance/query-in-loop", "performance/request-in-loop"})
_MARK = re.compile(r"\s*(?:#|//) N\+1$", re.MULTILINE)


def check(language: str, marked: str, path: str = "app/service") -> None:
    """Each marked line has a finding of medium or high confidence, and no other line has one."""
    lines = marked.split("\n")
    expected = [number for number, line in enumerate(lines) if _MARK.search(line)]
    found = [
        proposal
        for proposal in find(language, _MARK.sub("", marked), path)
        if proposal.confidence != "low"
    ]
    assert sorted({_line(marked, proposal) for proposal in found}) == expected


def find(language: str, text: str, path: str = "app/service") -> list[Proposal]:
    source = Source(Document("file:///x", path, language, text))
    [found] = PerformanceDetector().find([source], RULES)
    for proposal in found:
        assert isinstance(proposal.where, Span)
    return found


def _line(marked: str, proposal: Proposal) -> int:
    assert isinstance(proposal.where, Span)
    return _MARK.sub("", marked).count("\n", 0, proposal.where.start)


PYTHON = {
    "a lookup in a loop": """
for order in orders:
    customer = Customer.objects.get(id=order.customer_id)  # N+1
    send(customer, order)
""",
    "a lookup in a comprehension": """
names = [db.query(User).get(i).name for i in ids]  # N+1
""",
    "asynchronous sessions": """
async def load(session, ids):
    for user_id in ids:
        user = await session.get(User, user_id)  # N+1
    for user_id in ids:
        result = await session.execute(select(User).where(User.id == user_id))  # N+1
    return await asyncio.gather(*(session.scalar(tags.where(Tag.id == i)) for i in ids))  # N+1
""",
    "cursors": """
def store(conn, rows):
    cursor = conn.cursor()
    for row in rows:
        cursor.execute("INSERT INTO t VALUES (%s)", (row,))  # N+1
    for (user_id,) in cursor.fetchall():
        cursor.execute(f"SELECT name FROM users WHERE id = {user_id}")  # N+1
        name = cursor.fetchone()
    for row in rows:
        name = row["name"]
        found = await pool.fetchrow("SELECT id FROM users WHERE name = $1", name)  # N+1
""",
    "what is no loop over data": """
for user in User.objects.filter(active=True):
    print(user)
for chunk in chunks(ids, 500):
    session.execute(delete(User).where(User.id.in_(chunk)))
for name in names:
    value = settings.get(name)
for url in urls:
    page = session.get(url, timeout=5)
for attempt in range(3):
    cursor.execute("select 1", attempt)
for start in range(0, len(ids), 500):
    cursor.execute(QUERY, ids[start : start + 500])
for status in ("open", "paid"):
    counts[status] = Order.objects.filter(status=status).count()
for status in Status:
    counts[status] = Order.objects.filter(status=status).count()
for table in tables:
    cursor.execute(f"DROP TABLE {table}")
users = [user.name for user in session.execute(query)]
while True:
    rows = session.query(User).offset(offset).limit(100).all()
    if not rows:
        break
    offset += 100
""",
    "the cures": """
def show(ids):
    users = {user.id: user for user in User.objects.filter(id__in=ids)}
    for user_id in ids:
        print(users[user_id].name)
    by_id = User.objects.in_bulk(ids)
    Order.objects.bulk_create([Order(user=by_id[i]) for i in ids])
    posts = session.scalars(select(Post).where(Post.author_id.in_([u.id for u in users]))).all()
    for post in Post.objects.filter(author_id__in=[user.id for user in users]):
        print(post.title)
""",
    "filters that are put together": """
def search(session, filters):
    query = session.query(User)
    for key, value in filters.items():
        query = query.filter(getattr(User, key) == value)
    return query.all()
""",
    "a loop that ends with its first turn": """
for key in keys:
    row = session.get(User, key)
    break
for key in keys:
    return User.objects.get(key=key)
""",
    "a commit in each turn": """
for row in rows:
    session.add(User(**row))
    session.commit()  # N+1
for number, row in enumerate(rows):
    session.add(User(**row))
    if number % 1000 == 0:
        session.commit()
""",
    "rows that are saved one by one": """
from django.db import models
for user in User.objects.filter(active=True):
    user.active = False
    user.save()  # N+1
for form in forms:
    form.save()
""",
    "Django: relations that are known": """
from django.db import models
class Author(models.Model):
    name = models.CharField(max_length=10)
class Book(models.Model):
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
    tags = models.ManyToManyField("Tag")
    created = models.DateTimeField()
    info = models.JSONField()
def show():
    for book in Book.objects.all():
        print(book.author.name, book.created.tzinfo.key, book.info.owner)  # N+1
        print(book.author.name, book.author_id)
        print([tag.name for tag in book.tags.all()])  # N+1
    for author in Author.objects.all():
        print(author.books.count())  # N+1
        print(author.books.filter(old=True).first())
def load():
    for book in Book.objects.select_related("author").prefetch_related("tags"):
        print(book.author.name, [tag.name for tag in book.tags.all()])
    for author in Author.objects.prefetch_related("books__tags"):
        for book in author.books.all():
            print([tag.name for tag in book.tags.all()])
    for author in Author.objects.prefetch_related(Prefetch("books", queryset=Book.objects.all())):
        print(len(author.books.all()))
    for author in Author.objects.annotate(number=Count("books")):
        print(author.number)
""",
    "Django: relations as they are used": """
from app.models import Order
def show(request):
    orders = Order.objects.filter(user=request.user).order_by("-created_at")
    for order in orders:
        print(order.customer.email, order.created_at.isoformat(), order.title.upper())  # N+1
        print(order.image.url, order.status.value, order.meta.get("x"))
        for line in order.line_set.all():  # N+1
            print(line.product.name)  # N+1
        print(order.comments.filter(spam=False).count())  # N+1
def load(request):
    orders = Order.objects.filter(user=request.user)
    orders = orders.select_related("customer").prefetch_related("line_set__product")
    for order in orders:
        print(order.customer.email)
        for line in order.line_set.all():
            print(line.product.name)
def plain():
    for row in Order.objects.values("id", "customer"):
        print(row.customer.name)
    for order in Order.objects.only("id"):
        print(order.total)
""",
    "Django: a prefetched relation that is filtered asks again": """
from app.models import Author
for author in Author.objects.prefetch_related("books"):
    print(author.books.filter(old=True))  # N+1
""",
    "Django: properties and methods of a model": """
from django.db import models
class Order(models.Model):
    name = models.CharField(max_length=10)
    @property
    def total(self):
        return sum(line.price for line in self.lines.all())
    def is_late(self):
        return Delivery.objects.filter(order=self, late=True).exists()
    def label(self):
        return self.name.upper()
class Line(models.Model):
    order = models.ForeignKey(Order, related_name="lines", on_delete=models.CASCADE)
def show():
    for order in Order.objects.all():
        print(order.total)  # N+1
        print(order.is_late())  # N+1
        print(order.label())
    for order in Order.objects.prefetch_related("lines"):
        print(order.total)
""",
    "Django: a queryset that a caller passes": """
from shop.models import Order
def rows(orders):
    return [{"customer": order.customer.name} for order in orders]  # N+1
def export():
    return rows(Order.objects.all())
""",
    "Django: views": """
from shop.models import Order
class OrderView(View):
    queryset = Order.objects.all()
    def get(self, request):
        return [order.customer.name for order in self.queryset]  # N+1
class QuickView(View):
    def get_queryset(self):
        return Order.objects.select_related("customer")
    def get(self, request):
        return [order.customer.name for order in self.get_queryset()]
""",
    "SQLAlchemy: relations that are known": """
class User(Base):
    id = Column(Integer, primary_key=True)
    posts = relationship("Post", back_populates="author")
    tags = relationship("Tag", lazy="selectin")
class Post(Base):
    title: Mapped[str]
    author: Mapped["User"] = relationship(back_populates="posts")
def show(session):
    for user in session.query(User).all():
        print(len(user.posts), user.tags)  # N+1
    for post in session.scalars(select(Post)).all():
        print(post.title, post.author.name)  # N+1
    for user in session.query(User):
        for post in user.posts:  # N+1
            print(post.title)
async def load(session):
    result = await session.execute(select(Post))
    for post in result.scalars().all():
        print(post.author.name)  # N+1
    result = await session.execute(select(User).options(selectinload(User.posts)))
    for user in result.scalars():
        print([post.title for post in user.posts])
    for post in session.query(Post).options(joinedload(Post.author)).all():
        print(post.author.name)
    for name, count in session.query(User.name, func.count()).all():
        print(name.posts)
""",
    "FastAPI: response models": """
from fastapi import FastAPI
class User(Base):
    name = Column(String)
    posts = relationship("Post")
    tags = relationship("Tag", lazy="selectin")
class PostOut(BaseModel):
    title: str
class UserOut(BaseModel):
    name: str
    posts: list[PostOut]
class UserName(BaseModel):
    name: str
    tags: list[str]
@app.get("/users", response_model=list[UserOut])
def users(db: Session = Depends(get_db)):
    return db.query(User).limit(50).all()  # N+1
@app.get("/names", response_model=list[UserName])
def names(db: Session = Depends(get_db)):
    return db.query(User).limit(50).all()
@app.get("/loaded", response_model=list[UserOut])
def loaded(db: Session = Depends(get_db)):
    users = db.query(User).options(selectinload(User.posts)).limit(50).all()
    return users
@app.get("/users/{id}", response_model=UserOut)
def user(id: int, db: Session = Depends(get_db)):
    return db.get(User, id)
""",
    "SQLAlchemy: relations as they are used": """
from .models import Order
def show(db):
    orders = db.session.query(Order).all()
    return [{"customer": o.customer.name, "at": o.created_at.isoformat()} for o in orders]  # N+1
def lines():
    for order in Order.query.filter_by(paid=True):
        for line in order.lines:  # N+1
            print(line)
""",
    "Peewee and Tortoise": """
from peewee import Model
for tweet in Tweet.select().where(Tweet.old == False):
    print(tweet.user.username)  # N+1
for user_id in ids:
    user = User.get_by_id(user_id)  # N+1
for tweet in Tweet.select(Tweet, User).join(User):
    print(tweet.user.username)
""",
    "MongoDB": """
for order in db.orders.find({"paid": False}):
    user = db.users.find_one({"_id": order["user_id"]})  # N+1
users = {u["_id"]: u for u in db.users.find({"_id": {"$in": ids}})}
""",
    "helpers of the same file": """
def customer_of(order):
    return Customer.objects.get(pk=order.customer_id)
def label(order):
    return customer_of(order).name
def pure(order):
    return order.name
class Service:
    def _user(self, user_id):
        return self.session.query(User).filter_by(id=user_id).one()
    def all(self, orders):
        return [self._user(order.user_id) for order in orders]  # N+1
for order in orders:
    print(label(order))  # N+1
    print(pure(order))
""",
    "helpers of other files": """
async def show(db, ids):
    users = await crud.get_users(db, ids)
    for user_id in ids:
        user = await crud.get_user(db, user_id)  # N+1
        other = get_user(db, user_id=user_id)  # N+1
        name = format_user(user_id)
    for order in await self.order_repository.list():
        order.user = await self.user_repository.get_by_id(order.user_id)  # N+1
""",
    "GraphQL": """
import graphene, strawberry
class Author(graphene.ObjectType):
    def resolve_books(self, info):
        return Book.objects.filter(author_id=self.id)  # N+1
    def resolve_name(self, info):
        return self.name
    def resolve_loaded(self, info):
        return info.context.loaders.books.load(self.id)
class Query(graphene.ObjectType):
    def resolve_author(self, info, id):
        return Author.objects.get(pk=id)
@strawberry.type
class Post:
    @strawberry.field
    async def comments(self, info) -> list[Comment]:
        query = select(Comment).where(Comment.post_id == self.id)
        return await info.context.session.scalars(query)  # N+1
""",
    "serializers and the admin": """
from rest_framework import serializers
from django.contrib import admin
class OrderSerializer(serializers.ModelSerializer):
    late = serializers.SerializerMethodField()
    number = serializers.SerializerMethodField()
    label = serializers.SerializerMethodField()
    def get_late(self, obj):
        return Delivery.objects.filter(order=obj, late=True).exists()  # N+1
    def get_number(self, obj):
        return obj.lines.filter(paid=True).count()  # N+1
    def get_label(self, obj):
        return obj.name.upper()
class OrderAdmin(admin.ModelAdmin):
    list_display = ["name", "lines_of"]
    def lines_of(self, obj):
        return Line.objects.filter(order=obj).count()  # N+1
    def save_model(self, request, obj, form, change):
        Log.objects.create(order=obj)
""",
    "serializers that show relations": """
from rest_framework import generics, serializers, viewsets
class LineSerializer(serializers.ModelSerializer):
    product = serializers.CharField(source="product.name")
class OrderSerializer(serializers.ModelSerializer):
    lines = LineSerializer(many=True)
    customer = serializers.StringRelatedField()
class Slow(viewsets.ModelViewSet):
    queryset = Order.objects.all()  # N+1
    serializer_class = OrderSerializer
class Quick(viewsets.ModelViewSet):
    queryset = Order.objects.select_related("customer").prefetch_related("lines__product")
    serializer_class = OrderSerializer
class One(generics.RetrieveAPIView):
    queryset = Order.objects.all()
    serializer_class = OrderSerializer
def show(request):
    orders = Order.objects.filter(user=request.user)
    return Response(OrderSerializer(orders, many=True).data)  # N+1
""",
    "a tree that is climbed, and a queue": """
def path(node):
    while node.parent_id:
        node = Category.objects.get(pk=node.parent_id)  # N+1
    queue = [node]
    while queue:
        item = queue.pop()
        children = session.query(Category).filter_by(parent_id=item.id).all()  # N+1
        queue.extend(children)
""",
    "requests and caches": """
import redis, requests
for user_id in ids:
    requests.get(f"https://api.example.com/users/{user_id}", timeout=5)  # N+1
    name = redis_client.get(f"name:{user_id}")  # N+1
names = redis_client.mget(ids)
""",
    "a subquery, and a function that is only defined": """
for user in users:
    posts = Post.objects.filter(author__in=Author.objects.filter(user=user))  # N+1
    def later(user=user):
        return Post.objects.get(user=user)
    callbacks.append(later)
""",
}

JAVASCRIPT = {
    "Prisma": """
const users = await prisma.user.findMany({ take: 10 });
for (const user of users) {
  user.posts = await prisma.post.findMany({ where: { authorId: user.id } }); // N+1
}
const full = await Promise.all(users.map(async (user) => ({
  ...user,
  count: await prisma.post.count({ where: { authorId: user.id } }), // N+1
})));
const ids = users.map((user) => user.id);
const posts = await prisma.post.findMany({ where: { authorId: { in: ids } } });
for (const chunk of chunks(rows, 500)) await prisma.event.createMany({ data: chunk });
const [a, b] = await Promise.all([prisma.user.count(), prisma.post.count()]);
""",
    "Sequelize": """
const { Sequelize } = require("sequelize");
async function show(orders) {
  for (const order of orders) {
    order.user = await User.findByPk(order.userId); // N+1
    const lines = await order.getLines(); // N+1
    const at = order.createdAt.getTime();
  }
  const all = await Order.findAll({ include: [User] });
  all.forEach((order) => console.log(order.user.name));
}
""",
    "Mongoose": """
const mongoose = require("mongoose");
async function show(posts) {
  for (const post of posts) {
    const author = await User.findById(post.author); // N+1
    await post.populate("comments"); // N+1
  }
  await Promise.all(posts.map((post) => Comment.countDocuments({ post: post._id }))); // N+1
  const users = await User.find({ _id: { $in: posts.map((post) => post.author) } });
  for (const user of await User.find({ active: true })) names.push(user.name);
  const first = list.find((user) => user.active);
}
""",
    "drivers": """
async function show(orders, pool) {
  for (let i = 0; i < orders.length; i++) {
    const { rows } = await pool.query("SELECT * FROM users WHERE id = $1", [orders[i].id]); // N+1
  }
  orders.forEach(async (order) => {
    const [rows] = await connection.execute("SELECT * FROM users WHERE id = ?", [order.id]); // N+1
  });
  for (let offset = 0; offset < orders.length; offset += 500) {
    await pool.query(INSERT, orders.slice(offset, offset + 500));
  }
  for (const order of orders) {
    const [user] = await sql`SELECT name FROM users WHERE id = ${order.userId}`; // N+1
  }
  for (const statement of statements) await pool.query(statement);
  while (true) {
    const page = await pool.query("SELECT id FROM users LIMIT 100 OFFSET $1", [offset]);
    if (page.rows.length === 0) break;
    offset += 100;
  }
}
""",
    "query builders": """
for (const order of orders) {
  const user = await knex("users").where({ id: order.userId }).first(); // N+1
  const team = await db.select().from(teams).where(eq(teams.id, order.teamId)); // N+1
  const one = await db.selectFrom("users").where("id", "=", order.userId).executeTakeFirst(); // N+1
  const pets = await Pet.query().where("ownerId", order.ownerId); // N+1
}
const users = await knex("users").whereIn("id", orders.map((order) => order.userId));
""",
    "functions of the same file": """
async function nameOf(id) {
  const user = await prisma.user.findFirst({ where: { id } });
  return user.name;
}
class Orders {
  async user(id) { return this.users.findOne({ id }); }
  async all(orders) {
    return Promise.all(orders.map((order) => this.user(order.userId))); // N+1
  }
}
async function show(orders) {
  for (const order of orders) order.name = await nameOf(order.userId); // N+1
  for (const order of orders) order.label = label(order);
}
const label = (order) => order.title;
""",
    "functions of other files": """
for (const order of orders) {
  order.user = await getUserById(order.userId); // N+1
  order.team = await findTeam(db, order.teamId); // N+1
  const text = await render(order);
  const value = await cacheOf.get(order.id);
}
""",
    "what is no loop over data": """
for (const table of tables) await pool.query(`TRUNCATE ${table}`);
for (let attempt = 0; attempt < 3; attempt++) await pool.query("SELECT 1", [attempt]);
for (const key of ["a", "b"]) await prisma.setting.findFirst({ where: { key } });
for (const id of ids) { return await prisma.user.findFirst({ where: { id } }); }
const later = ids.map((id) => () => 1);
for (const id of ids) app.get(`/${id}`, async (req, res) => res.json(await User.findById(id)));
for (const id of ids) { if (batch.length >= 100) { await Model.insertMany(batch); } }
""",
    "GraphQL": """
const resolvers = {
  Query: { books: (parent, args, ctx) => ctx.prisma.book.findMany({ take: 10 }) },
  Author: {
    books: (parent, args, { db }) => db.book.findMany({ where: { authorId: parent.id } }), // N+1
    async last(author, args, ctx) { return ctx.models.Book.findOne({ author: author.id }); }, // N+1
    name: (parent) => parent.name,
    loaded: (parent, _, { loaders }) => loaders.books.load(parent.id),
  },
};
""",
    "batches": """
const loader = new DataLoader(async (ids) => {
  const users = await prisma.user.findMany({ where: { id: { in: ids } } });
  return ids.map((id) => users.find((user) => user.id === id));
});
""",
    "requests": """
for (const id of ids) {
  const answer = await fetch(`https://api.example.com/users/${id}`); // N+1
}
""",
}

TYPESCRIPT = {
    "TypeORM": """
import { Repository } from "typeorm";
export class Orders {
  constructor(private readonly users: Repository<User>) {}
  async list(): Promise<Order[]> {
    const orders = await this.orderRepository.find({ take: 50 });
    for (const order of orders) {
      order.user = await this.userRepository.findOneBy({ id: order.userId }); // N+1
    }
    const names = await this.orderRepository.find({ relations: ["user"], take: 50 });
    names.forEach((order) => console.log(order.user.name));
    await this.orderRepository.save(orders);
    return orders;
  }
}
""",
    "NestJS resolvers": """
@Resolver(() => Author)
export class AuthorResolver {
  @ResolveField(() => [Post])
  async posts(@Parent() author: Author) {
    return this.postsService.findAll({ authorId: author.id }); // N+1
  }
  @ResolveField(() => User)
  async user(@Parent() author: Author) {
    return this.userLoader.load(author.userId);
  }
  @Query(() => Author)
  async author(@Args("id") id: number): Promise<Author> {
    return this.authorsService.findOneById(id);
  }
}
""",
}


@pytest.mark.parametrize("name", PYTHON)
def test_python(name: str) -> None:
    check("python", PYTHON[name])


@pytest.mark.parametrize("name", JAVASCRIPT)
def test_javascript(name: str) -> None:
    check("javascript", JAVASCRIPT[name])


@pytest.mark.parametrize("name", TYPESCRIPT)
def test_typescript(name: str) -> None:
    check("typescript", TYPESCRIPT[name])


@pytest.mark.parametrize(
    "file", sorted((Path(__file__).parent / "queries").glob("*.txt")), ids=lambda file: file.stem
)
def test_a_whole_file(file: Path) -> None:
    check(file.stem.rpartition(".")[2], file.read_text(encoding="utf-8"))


def test_a_known_relation_is_loaded_along_by_the_fix() -> None:
    text = PYTHON["Django: relations that are known"].replace("  # N+1", "")
    titles = [proposal.fix.title for proposal in find("python", text) if proposal.fix]
    assert titles == [
        "Load author along with select_related",
        "Load tags along with prefetch_related",
        "Load books along with prefetch_related",
    ]


def test_what_runs_once_is_folded_away() -> None:
    text = _MARK.sub("", PYTHON["a lookup in a loop"])
    assert [p.confidence for p in find("python", text, "shop/migrations/0002_names.py")] == ["low"]


def test_a_finding_shows_the_loop_and_the_query() -> None:
    text = _MARK.sub("", JAVASCRIPT["functions of the same file"])
    places = [
        [text[s.where.start :][:20] for s in p.flow if isinstance(s.where, Span)]
        for p in find("javascript", text)
    ]
    assert places[-1] == ["for (const order of ", "prisma.user.findFirs"]
