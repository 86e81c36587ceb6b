"""Models, queries, migrations and described operations, each framework as data."""

from __future__ import annotations

import pytest

from project.support import facts

MODELS = {
    "SQLAlchemy": (
        "/m.py",
        """
class User(Base):
    __tablename__ = "users"
    __table_args__ = (Index("ix", "last", "first"), UniqueConstraint("nick"))
    id: Mapped[int] = mapped_column(primary_key=True)
    email = Column("mail", String(200), unique=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id"))
    posts: Mapped[list["Post"]] = relationship(back_populates="user", lazy="selectin")
""",
        "User users [last,first] [nick] | id* mail* team_id->teams.id posts=Post!",
    ),
    "SQLModel": (
        "/m.py",
        """
from sqlmodel import SQLModel
class Item(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    owner_id: int = Field(foreign_key="user.id")
class ItemIn(SQLModel):
    title: str = Field(max_length=5)
""",
        "Item item | id* owner_id->user.id",
    ),
    "Django": (
        "/m.py",
        """
from django.db import models
class Order(models.Model):
    number = models.CharField(max_length=9, db_index=True)
    note = models.TextField()
    user = models.ForeignKey("auth.User", on_delete=models.CASCADE)
    tags = models.ManyToManyField(Tag)
    class Meta:
        db_table = "orders"
        indexes = [models.Index(fields=["-note", "number"])]
        unique_together = ("user", "number")
class OrderForm(forms.ModelForm):
    note = forms.CharField()
""",
        "Order orders [note,number] [user,number] | number* note user_id*->User=User tags=Tag",
    ),
    "Mongoose": (
        "/m.js",
        """
const userSchema = new mongoose.Schema({
  email: { type: String, unique: true }, name: String, team: { type: ObjectId, ref: 'Team' },
});
userSchema.index({ name: 1, email: 1 });
module.exports = mongoose.model('User', userSchema);
""",
        "User User [name,email] | email* name team->Team",
    ),
    "TypeORM": (
        "/m.ts",
        """
@Entity('users')
@Index(['last', 'first'])
export class User {
  @PrimaryGeneratedColumn() id: number;
  @Column({ unique: true, name: 'mail' }) email: string;
  @ManyToOne(() => Team, (team) => team.users, { eager: true }) team: Team;
}
""",
        "User users [last,first] | id* mail* team->Team=Team!",
    ),
    "Sequelize": (
        "/m.js",
        """
const User = sequelize.define('User', {
  email: { type: DataTypes.STRING, unique: true }, name: DataTypes.STRING,
}, { tableName: 'users', indexes: [{ fields: ['name'] }] });
""",
        "User users [name] | email* name",
    ),
    "Prisma": (
        "/s.prisma",
        """
enum Role { USER ADMIN }
model User {
  id    Int    @id @default(autoincrement())
  email String @unique @map("mail")
  role  Role
  posts Post[]
  @@index([role, email])
  @@map("users")
}
""",
        "User users [role,email] | id* mail* role posts=Post",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_models(name: str) -> None:
    path, code, expected = MODELS[name]
    [model] = facts(code, path).models
    indexes = "".join(f" [{','.join(group)}]" for group in model.indexes)
    fields = " ".join(
        one.column
        + ("*" if one.is_indexed else "")
        + (f"->{one.refers_to}" if one.refers_to else "")
        + (f"={one.relation}" if one.relation else "")
        + ("!" if one.is_loaded_early else "")
        for one in model.fields
    )
    assert f"{model.name} {model.table}{indexes} | {fields}" == expected


QUERIES = [
    ("/q.py", "session.query(User).filter(User.email == x, User.age > 3)", "User: email age"),
    ("/q.py", "session.scalars(select(User).where(User.id.in_(ids)))", "User: id"),
    ("/q.py", "session.query(User).filter_by(email=x)", "User: email"),
    ("/q.py", "import sqlalchemy\nselect(A).join(B, A.b_id == B.id)", "A: + b_id; B: + id"),
    ("/q.py", "from django import x\nUser.objects.filter(email__iexact=x, age__gt=3)", "User: age"),
    ("/q.py", "from django import x\nOrder.objects.get(user=u)", "Order: user"),
    ("/q.py", "from django import x\nOrder.objects.filter(Q(a=1), b=2)", ""),
    ("/q.py", "db.execute('SELECT * FROM users u WHERE u.email = %s')", "users: email"),
    ("/q.py", "db.execute('SELECT 1 FROM users WHERE a = 1 OR b = 2')", ""),
    ("/q.js", "await prisma.user.findMany({ where: { email, team: 1 } })", "user: email team"),
    ("/q.js", "const a = await User.findOne({ email: req.body.email })", "User: email"),
    ("/q.js", "User.find({ $or: [{ a }, { b }] }) // mongoose", ""),
    ("/q.ts", "this.userRepository.findOneBy({ email }) // Repository", "User: email"),
    ("/q.js", "knex('users').where('email', x).andWhere({ age: 1 })", "users: email age"),
    ("/q.js", "pool.query(`SELECT * FROM a JOIN b ON a.b_id = b.id`)", "a: + b_id; b: + id"),
]


@pytest.mark.parametrize(("path", "code", "expected"), QUERIES)
def test_queries(path: str, code: str, expected: str) -> None:
    found = [
        f"{query.model}: {' '.join(query.columns)}"
        + (" " if query.columns else "")
        + ("+ " + " ".join(query.joined) if query.joined else "")
        for query in facts(code, path).queries
    ]
    assert "; ".join(one.replace("  ", " ").strip() for one in found) == expected


MIGRATIONS = [
    (
        "/m.sql",
        "CREATE TABLE IF NOT EXISTS public.users (id serial PRIMARY KEY, mail text UNIQUE, a int,"
        " CONSTRAINT x UNIQUE (a, id)); -- CREATE TABLE no (x int)\n"
        'CREATE UNIQUE INDEX CONCURRENTLY ix ON "users" USING btree (a DESC, lower(mail));\n'
        "ALTER TABLE users ADD COLUMN b int, DROP COLUMN a; DROP TABLE old;",
        [
            "create table users id,mail,a [id] [mail] [a,id]",
            "create index users a [a]",
            "add column users b",
            "drop column users a",
            "drop table old ",
        ],
    ),
    (
        "/m.py",
        "from alembic import op\ndef upgrade():\n"
        "    op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('a'))\n"
        "    op.create_index('ix', 't', ['a'])\n"
        "    with op.batch_alter_table('u') as batch_op:\n"
        "        batch_op.add_column(sa.Column('b'))\n"
        "    op.execute('CREATE INDEX ON t (b)')\n"
        "def downgrade():\n    op.drop_table('t')\n",
        [
            "create table t id,a [id]",
            "create index t a [a]",
            "add column u b",
            "create index t b [b]",
        ],
    ),
    (
        "/m.py",
        "from django.db import migrations\n"
        "class Migration(migrations.Migration):\n    operations = [\n"
        "        migrations.CreateModel(name='User', fields=[]),\n"
        "        migrations.AddField(model_name='user', name='age', field=x),\n    ]\n",
        ["create table user ", "add column user age"],
    ),
    (
        "/m.js",
        "exports.up = (knex) => knex.schema.createTable('users', (t) => {\n"
        "  t.increments(); t.string('email').unique(); t.integer('a'); t.index(['a', 'email']);\n"
        "});\nexports.down = (knex) => knex.schema.dropTable('users');\n",
        ["create table users email,a [id] [email] [a,email]"],
    ),
]


@pytest.mark.parametrize(("path", "code", "expected"), MIGRATIONS)
def test_migrations(path: str, code: str, expected: list[str]) -> None:
    found = [
        f"{step.kind} {step.table} {','.join(step.columns)}"
        + "".join(f" [{','.join(group)}]" for group in step.indexed)
        for step in facts(code, path).migrations
    ]
    assert found == expected


OPENAPI = """\
openapi: 3.1.0
servers: [{url: "https://api.example.com/v1"}]
security: [{token: []}]
paths:
  /users/{id}:
    get: {operationId: show, responses: {}}
    delete: {security: [], responses: {}}
"""


def test_operations() -> None:
    found = facts(OPENAPI, "/openapi.yaml")
    assert [
        (one.method, one.path, one.operation_id, one.is_secured) for one in found.operations
    ] == [
        ("GET", "/users/{id}", "show", True),
        ("DELETE", "/users/{id}", "", False),
    ]
    assert found.servers == ("/v1",)
    span = found.operations[0].place.span
    assert OPENAPI[span.start : span.end] == "get"


@pytest.mark.parametrize(
    "text", ["openapi: 3\npaths: [1", "a: 1", "- openapi: 3", "openapi: 3\npaths: 1"]
)
def test_what_is_no_description_says_nothing(text: str) -> None:
    assert facts(text, "/a.yaml").operations == ()


def test_settings() -> None:
    code = "import os\nos.environ['A_KEY']\nos.getenv('B')\nos.environ.get('A_KEY')\n"
    assert [one.name for one in facts(code).settings] == ["A_KEY", "B"]
    code = "const key = process.env.API_KEY ?? process.env['OTHER'];"
    assert [one.name for one in facts(code, "/a.ts").settings] == ["API_KEY", "OTHER"]
