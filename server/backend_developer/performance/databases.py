"""Which calls go to a database or over the network, by how each library spells them.

A pattern is searched in a chain's `path` ("prisma.user.findMany()"), so arguments play no part.
Sources: the reference pages of the libraries named beside each pattern.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..core.model import Confidence
from .code import Chain
from .summaries import Trip


@dataclass(frozen=True, slots=True)
class Api:
    """One spelling of a call that leaves the process."""

    path: re.Pattern[str]
    trip: Trip
    confidence: Confidence = "high"
    evidence: re.Pattern[str] | None = None
    """What the file must mention, where the spelling alone could be anything."""
    first_argument: re.Pattern[str] | None = None
    needs_await: bool = False


@lru_cache(maxsize=4096)  # Most paths are in many files.
def spellings_of(path: str, language: str) -> tuple[tuple[Api, int], ...]:
    """What a chain of this path may be, and where in the path the spelling ends."""
    if "(" not in path and "`" not in path:
        return ()
    apis = _PYTHON if language == "python" else _JAVASCRIPT
    return tuple((api, match.end()) for api in apis if (match := api.path.search(path)))


def trip_of(chain: Chain, spellings: Sequence[tuple[Api, int]], text: str) -> Api | None:
    """The first of its path's spellings that the chain is, in a file of this text."""
    for api, end in spellings:
        if api.needs_await and not chain.awaited:
            continue
        if api.evidence is not None and not api.evidence.search(text):
            continue
        if api.first_argument is not None and not _first_fits(chain, api, end):
            continue
        return api
    return None


def _first_fits(chain: Chain, api: Api, end: int) -> bool:
    """Whether the call that the match ends with has such a first argument."""
    calls = chain.path[:end].count("()") + chain.path[:end].count("``")
    called = [step for step in chain.steps if step.arguments is not None]
    if not 0 < calls <= len(called):
        return False
    arguments = called[calls - 1].arguments
    assert api.first_argument is not None
    return arguments is not None and bool(api.first_argument.match(arguments.text()))


_SQL = re.compile(
    r"""\(\s*(\w*["'`]+\s*(select|insert|update|delete|with|replace|merge|call)\b|text\(|sql\b)""",
    re.I,
)
_MODEL_FIRST = re.compile(r"\(\s*(\w+\.)*[A-Z]\w*\s*[,)]")


def _api(
    path: str,
    trip: Trip = "query",
    confidence: Confidence = "high",
    *,
    evidence: str = "",
    first: re.Pattern[str] | None = None,
    needs_await: bool = False,
) -> Api:
    mentioned = re.compile(evidence) if evidence else None
    return Api(re.compile(path), trip, confidence, mentioned, first, needs_await)


_PY_ASYNC_ODMS = r"\b(tortoise|beanie|ormar|odmantic|pony|peewee|edgy|piccolo|mongoengine|gino)\b"
_HANDLE = (
    r"(?:\w*[sS]ession|db|DBSession|\w*conn|\w*connection|\w*database|engine|tx|trans|"
    r"transaction|\w*pool)"
)

_PYTHON: Sequence[Api] = (
    # Django, MongoEngine
    _api(
        r"^(?:\w+\.)*[A-Z]\w*\.(?:objects|_default_manager|_base_manager|"
        r"all_objects)(?:\.using\(\))?\."
        r"(?!none\b|bulk_|abulk_|model\b|as_manager|from_queryset|in_bulk\b|contribute)\w+\("
    ),
    _api(r"^(?:\w+\.)*[A-Z]\w*\.objects\(\)"),
    _api(r"^(?:shortcuts\.)?a?get_(?:object|list)_or_404\(\)"),
    _api(r"\.(?:a?refresh_from_db|fetch_related)\(\)"),
    # SQLAlchemy, SQLModel, Flask-SQLAlchemy
    _api(
        rf"(?:^|\.)_?{_HANDLE}(?:\(\))?\.(?:query|scalar|scalars|scalar_one|exec|"
        rf"get_one|stream|stream_scalars)\(\)"
    ),
    _api(rf"(?:^|\.)_?{_HANDLE}(?:\(\))?\.get\(\)", first=_MODEL_FIRST),
    _api(rf"(?:^|\.)_?{_HANDLE}(?:\(\))?\.refresh\(\)"),
    _api(r"^(?:\w+\.)*[A-Z]\w*\.query\.\w+\("),
    # DB-API cursors and connections, asyncpg, databases, aiosqlite, Cassandra, Neo4j
    _api(
        rf"(?:^|\.)_?(?:\w*cursor(?:\(\))?|cur|curs|crsr|c|csr|{_HANDLE})\.(?:execute|"
        rf"fetch|fetchrow|fetchval|fetch_one|fetch_all|fetch_val)\(\)"
    ),
    _api(r"(?:^|\.)(?:session|tx)\.run\(\)", evidence=r"\bneo4j\b"),
    # pymongo, Motor, Beanie
    _api(
        r"\.(?:find_one|find_one_and_update|find_one_and_replace|find_one_and_delete|"
        r"insert_one|update_one|"
        r"replace_one|delete_one|count_documents)\(\)"
    ),
    _api(
        r"(?:^|[._])(?:collection|coll|db\.\w+|db\[\]|\w{1,40}_collection)\.(?:find|"
        r"aggregate|distinct|update_many|delete_many)\(\)"
    ),
    # Tortoise, Beanie, Peewee, Pony: class methods of a model
    _api(
        r"^[A-Z]\w*\.(?:get|get_or_none|get_by_id|get_or_create|filter|select|find|"
        r"all|exists|create|insert|delete|update|count|first)\(\)",
        evidence=_PY_ASYNC_ODMS,
    ),
    _api(r"\.(?:find_unique|find_first|find_many|find_unique_or_raise)\(\)"),
    _api(r"\.(?:get_or_404|first_or_404|one_or_404)\(\)$"),
    _api(r"^(?:pd|pandas)\.read_sql\w*\(\)|^spark\.sql\(\)"),
    # Firestore, Supabase
    _api(r"\.document\(\)(?:\.\w+\(\)){0,20}\.(?:get|set|update|delete)\(\)$"),
    _api(r"\.table\(\)\..*\.execute\(\)$"),
    # DynamoDB, Elasticsearch
    _api(
        r"(?:^|\.)(?:\w*table|dynamo\w*|ddb\w*)\.(?:get_item|put_item|update_item|"
        r"delete_item|query|scan)\(\)"
    ),
    _api(
        r"(?:^|\.)(?:es|elastic\w*|es_client|opensearch\w*|client)\.(?:get|search|"
        r"index|update|exists|count)\(\)",
        evidence=r"\b(elasticsearch|opensearchpy)\b",
    ),
    # A layer of the program's own in front of the database
    _api(
        r"(?i)(?:^|[._])(?:repo|repository|dao|crud|\w{1,40}_store|gateway)\.(?:get|find|"
        r"fetch|load|read|lookup|save|update|delete|"
        r"create|insert|count|exists|list|query|by)\w*\(\)",
        confidence="medium",
    ),
    _api(
        r"(?i)^(?:\w+\.)*[A-Z]?\w*(?:repo|repository|dao|crud)\(\w*\)?\)?\.(?:get|"
        r"find|fetch|load|save|update|delete|create|count)\w*\(\)",
        confidence="medium",
    ),
    _api(
        r"(?:^|\.)(?:session|db|conn|connection|db_session)(?:\.session)?\.(?:commit|flush)\(\)$",
        "commit",
        "medium",
    ),
    _api(r"\.a?(?:find|get|fetch|load)(?:_one|_all)?_by_\w+\(\)", confidence="medium"),
    # The network
    _api(
        r"^(?:requests|httpx)\.(?:get|post|put|patch|delete|head|request)\(\)", "request", "medium"
    ),
    _api(
        r"(?:^|\.)(?:http_client|http|async_client|httpx_client|aiohttp_session|"
        r"http_session)\.(?:get|post|put|patch|delete|request)\(\)",
        "request",
        "medium",
    ),
    _api(
        r"(?:^|\.)(?:client|session)\.(?:get|post|put|patch|delete|request)\(\)",
        "request",
        "medium",
        evidence=r"\b(httpx|aiohttp|requests)\b",
    ),
    _api(r"(?:^|\.)(?:urllib\.request\.)?urlopen\(\)$", "request", "medium"),
    _api(
        r"(?:^|\.)(?:s3|s3_client|sqs|sqs_client|sns|sns_client|ses|ssm|"
        r"secretsmanager|kms|lambda_client)\.(?:get|put|head|delete|send|publish|"
        r"invoke)_?\w*\(\)",
        "request",
        "medium",
    ),
    _api(
        r"(?:^|\.)(?:redis|redis_client|\w*_redis|r|rdb|cache|\w+_cache|memcached|"
        r"mc)\.(?:get|hget|hgetall|set|setex|hset|exists|delete|incr|sismember|sadd|"
        r"zadd|zscore|expire|ttl)\(\)",
        "cache",
        "medium",
        evidence=r"\b(redis|aioredis|memcache|pymemcache|django\.core\.cache)\b",
    ),
)

_JS_ORMS = (
    r"\b([sS]equelize|[mM]ongoose|[tT]ype[oO][rR][mM]|[oO]bjection|[wW]aterline|"
    r"[bB]ookshelf|[mM]ikro|typegoose|InjectModel|InjectRepository|@prisma|drizzle)\b|"
    r"/models?\b|models/|\.(?:findAll|findByPk|findById|findOne|findMany|populate|"
    r"findOrCreate)\("
)
_JS_BUILT_IN = (
    r"(?!(?:Object|Array|Promise|Math|JSON|Number|String|Date|Map|Set|Reflect|Symbol|"
    r"Buffer|BigInt|Intl|Error|Proxy|"
    r"WeakMap|Cypress|React|Router|Joi|Yup|Schema|Types|Observable|Subject|Logger|"
    r"ObjectId|URL|RegExp|Router|Factory|"
    r"Test|Ember|Vue|Axios|Op|Sequelize|DataTypes)\.)"
)
_JS_HANDLE = (
    r"(?:\w*[pP]ool|client|db|database|conn|\w*[cC]onnection|pg|pgp|mysql|sequelize|"
    r"\w*[dD]ataSource|queryRunner|manager|"
    r"\w*[eE]ntityManager|em|trx|tx|t|dbClient|pgClient|\w*Db|\w*DB|knex|session)"
)
_ONE = (
    r"(?:findOne|findOneBy|findOneOrFail|findOneByOrFail|findById|findByPk|"
    r"findByIdAndUpdate|findByIdAndDelete|"
    r"findByIdAndRemove|findOneAndUpdate|findOneAndDelete|findOneAndReplace|"
    r"findOneAndRemove|findAndCountAll|findAndCountBy|"
    r"findOrCreate|findAll|countDocuments|insertOne|updateOne|replaceOne|deleteOne|"
    r"findUnique|findUniqueOrThrow|findFirst|"
    r"findFirstOrThrow|findMany|findAndCount|findByIds|findOneById)"
)

_JAVASCRIPT: Sequence[Api] = (
    # Prisma, Sequelize, Mongoose, TypeORM, the MongoDB driver: names that nothing else has
    _api(rf"\.{_ONE}\(\)"),
    _api(
        r"(?:^|\.)(?:\w{0,40}[pP]risma\w{0,40}|tx|trx|db|client)\.(?!query\b|"
        r"collection\b)[a-z]\w*\.(?:create|update|upsert|delete|count|aggregate|"
        r"groupBy|updateMany|deleteMany)\(\)",
        evidence=r"[pP]risma",
    ),
    _api(
        r"(?:^|\.)(?:db|tx|trx)\.(?!query\b|collection\b)[a-z]\w*\.(?:create|update|"
        r"upsert|delete|count|groupBy)\(\)",
        needs_await=True,
    ),
    _api(
        r"\.\$(?:queryRaw|executeRaw|queryRawUnsafe|executeRawUnsafe|relatedQuery|"
        r"fetchGraph|loadRelated|get|count)(?:\(\)|``)"
    ),
    _api(
        rf"(?:^|\.){_JS_BUILT_IN}[A-Z]\w*\.(?:find|aggregate|distinct|exists|destroy|"
        rf"updateMany|deleteMany|updateOne)\(\)"
    ),
    _api(
        rf"(?:^|\.){_JS_BUILT_IN}[A-Z]\w*\.(?:create|update|count|sum|max|min|insert|"
        rf"save|query|upsert|increment|decrement|delete|remove|bulkCreate|insertMany|"
        rf"where|fetch|findBy)\(\)",
        confidence="medium",
        evidence=_JS_ORMS,
    ),
    _api(
        r"(?:^|\.)(?:models|db|\w*[mM]odels)\.[A-Z]\w*\.(?!associate|belongsTo|has|"
        r"hook|init|sync|build)\w+\(\)"
    ),
    # Repositories: TypeORM's, and a program's own layer
    _api(
        r"(?i)(?:^|\.)(?:\w*(?:repository|repo|dao|model)|getRepository\(\)|"
        r"getCustomRepository\(\)|getManager\(\)|manager|entityManager|em)\."
        r"(?:find|get|count|save|insert|update|upsert|delete|remove|exists?|load|"
        r"search|list|fetch|query|by|createQueryBuilder|preload|softDelete|increment|"
        r"decrement|restore)\w*\(\)"
    ),
    _api(
        r"\.createQueryBuilder\(\).*\.(?:getOne|getOneOrFail|getMany|getManyAndCount|"
        r"getRawOne|getRawMany|getCount|getExists|execute|stream)\(\)"
    ),
    _api(
        r"(?i)(?:^|\.)\w*(?:service|api|store|client|gateway|crud)\.(?:find|load|"
        r"lookup|count|get|fetch|list)\w*(?:by|for|of|one|id|all)?\w*\(\)",
        confidence="medium",
        needs_await=True,
        evidence=r"\b(Injectable|NestFactory|@nestjs|express|fastify|koa|graphql|hono)\b",
    ),
    _api(
        r"\.(?:find|get|fetch|load)(?:One|All|Many)?By(?!Text|Role|Test|Label|Placeholder|Alt|Title|"
        r"Display)[A-Z]\w*\(\)",
        confidence="medium",
        needs_await=True,
    ),
    _api(r"^new [A-Z]\w*\(\)\.(?:fetch|fetchAll)\(\)", confidence="medium"),
    # Query builders: Knex, Drizzle, Kysely, Objection
    _api(
        r"(?:^|\.)(?:knex|trx|tx|db|database|qb)\(\)\.(?:where|select|first|insert|"
        r"update|del|delete|count|join|leftJoin|andWhere|whereIn|sum|max|min|orderBy|"
        r"returning|pluck)\(\)",
        first=None,
    ),
    _api(
        r"(?:^|\.)(?:knex|trx)\.(?:select|from|raw|insert|first|table|into|with|queryBuilder)\(\)"
    ),
    _api(
        r"(?:^|\.)(?:\w*[dD]b|tx|trx|database|drizzle\w*|kysely|conn)\.(?:select|"
        r"selectDistinct|insert|update|delete)\(\)\."
    ),
    _api(
        r"(?:^|\.)(?:\w*[dD]b|tx|trx|database|kysely)\.(?:selectFrom|insertInto|"
        r"updateTable|deleteFrom)\(\)"
    ),
    _api(r"^[A-Z]\w*\.query\(\)\."),
    # Drivers: pg, mysql2, pg-promise, slonik, sqlite, postgres.js
    _api(
        rf"(?:^|\.){_JS_HANDLE}(?:\.promise\(\))?\.(?:query|execute|one|oneOrNone|any|none|many|"
        rf"manyOrNone|result|maybeOne|oneFirst|anyFirst|maybeOneFirst|raw|unsafe|"
        rf"getMany|getOne|queryArray|queryObject|getConnection|aql)(?:\(\)|``)"
    ),
    _api(rf"(?:^|\.){_JS_HANDLE}\.(?:get|all|run|each|exec|prepare)\(\)", first=_SQL),
    _api(r"^(?:this\.)?(?:sql|pgsql|db|pg)``$", needs_await=True),
    _api(r"(?:^|\.)(?:query|dbQuery|runQuery|executeQuery)\(\)$", first=_SQL),
    _api(r"\.(?:loadItems|loadCount|matching)\(\)$|\.init\(\)$", evidence=r"mikro-orm"),
    # Firestore, Supabase, DynamoDB, MongoDB
    _api(r"\.(?:doc|collection)\(\)(?:\.\w+\(\)){0,20}\.(?:get|set|update|delete|add)\(\)$"),
    _api(r"^(?:getDoc|getDocs|setDoc|updateDoc|addDoc)\(\)"),
    _api(r"(?:^|\.)supabase\w*\.(?:from|rpc)\(\)"),
    _api(r"\.collection\(\)\.(?:find|aggregate|distinct|updateMany|deleteMany)\(\)"),
    _api(r"(?:^|\.)(?:\w*[cC]ollection|coll)\.(?:find|aggregate|distinct)\(\)"),
    _api(
        r"(?:^|\.)(?:\w*[cC]lient|dynamo\w*|ddb\w*)\.(?:send|get|put|query|update|delete|scan)\(\)",
        evidence=r"[dD]ynamo",
    ),
    _api(
        r"(?:^|\.)(?:\w{0,40}[eE]lastic\w{0,40}|es|esClient|client)\.(?:search|get|index|update|count)\(\)",
        evidence=r"elasticsearch|opensearch",
    ),
    # The network
    _api(r"^(?:window\.|globalThis\.)?fetch\(\)$", "request", "medium", needs_await=True),
    _api(
        r"^(?:axios|got|superagent|ky|needle|request|undici)(?:\.(?:get|post|put|"
        r"patch|delete|request|head))?\(\)",
        "request",
        "medium",
    ),
    _api(
        r"(?:^|\.)(?:\w{0,40}[hH]ttp|\w{0,40}[hH]ttpService|apiClient|\w{0,40}[aA]xios\w{0,40})\.(?:get|"
        r"post|put|patch|delete|request)\(\)",
        "request",
        "medium",
    ),
    _api(
        r"(?:^|\.)(?:redis\w*|\w*[rR]edis|\w*[rR]edisClient|cache|cacheManager|"
        r"\w*[cC]ache|memcached)\.(?:get|hget|hgetall|hGet|hGetAll|set|setex|setEx|"
        r"hset|hSet|exists|del|incr)\(\)",
        "cache",
        "medium",
        needs_await=True,
    ),
)
