"""Made-up secrets of many formats, in code of six languages, as people leave them there.

In a text, `<hex:32>` stands for so many random characters of an alphabet, so that no scanner takes
these files for a leak; what stands between `«` and `»` is the secret.
"""

from __future__ import annotations

import random
import re
import string

_ALPHABETS = {
    "hex": "0123456789abcdef",
    "up": string.ascii_uppercase + string.digits,
    "low": string.ascii_lowercase + string.digits,
    "b62": string.ascii_letters + string.digits,
    "b64": string.ascii_letters + string.digits + "+/",
    "url": string.ascii_letters + string.digits + "-_",
    "b32": string.ascii_uppercase + "234567",
    "num": string.digits,
}
_MADE = re.compile(r"<(\w+):(\d+)>")
_SECRET = re.compile("«(.*?)»", re.DOTALL)


def made(template: str) -> tuple[str, list[str]]:
    """The text of a template, always the same, and the secrets in it."""
    chosen = random.Random(template)

    def characters(match: re.Match[str]) -> str:
        alphabet, count = _ALPHABETS[match[1]], int(match[2])
        return "".join(chosen.choice(alphabet) for _ in range(count))

    text = _MADE.sub(characters, template)
    return _SECRET.sub(r"\1", text), _SECRET.findall(text)


PYTHON = """\
import os

AWS_ACCESS_KEY_ID = "«AKIA<up:16>»"
AWS_SECRET_ACCESS_KEY = "«<b64:40>»"
GITHUB = "«ghp_<b62:36>»"
FINE_GRAINED = "«github_pat_<b62:22>_<b62:59>»"
GITLAB = "«glpat-<url:20>»"
SLACK = "«xoxb-<num:12>-<num:12>-<b62:24>»"
SLACK_APP = "«xapp-1-A<up:10>-<num:13>-<hex:64>»"
HOOK = "https://hooks.slack.com/services/«T<up:8>/B<up:8>/<b62:24>»"
STRIPE = "«sk_live_<b62:24>»"
STRIPE_HOOK = "«whsec_<b62:32>»"
ANTHROPIC = "«sk-ant-api03-<url:93>»"
OPENAI = "«sk-proj-<b62:48>»"
GOOGLE = "«AIza<b62:35>»"
OAUTH = "«GOCSPX-<b62:28>»"
SENDGRID = "«SG.<b62:22>.<b62:43>»"
MAILGUN = "«key-<hex:32>»"
MAILCHIMP = "«<hex:32>-us14»"
TWILIO = "«SK<hex:32>»"
HUGGING_FACE = "«hf_<b62:34>»"
PYPI = "«pypi-AgEIcHlwaS5vcmc<url:80>»"
DATABRICKS = "«dapi<hex:32>»"
TELEGRAM = "«<num:9>:AA<b62:33>»"
engine = create_engine("postgresql://shop:«Xk29vLq<num:2>»@db1.shop.net:5432/shop")
broker = f"amqp://worker:«w0rk<b62:6>»@queue.shop.net//"
cache = Redis.from_url("redis://:«r3d!<b62:7>»@cache.shop.net:6379/0")
mongo = MongoClient("mongodb+srv://app:«Mg7<b62:9>»@cluster0.shop.net/app")
db = psycopg.connect("host=db1 dbname=shop user=app password=«pg<num:4>Ku»")
odbc = "Driver=x;Server=db2;Uid=app;Pwd=«Od<num:4>bc»;"
smtp_password = "«Hx92!kd<b62:3>»"
password = "«hunterhunter»"
client_secret = '«<b62:32>»'
config["jwt_secret"] = "«my-<low:9>-jwt»"
SECRET_KEY = "django-insecure-«<b62:50>»"
session.auth = ("shop", "«Qp7<b62:8>»")
headers = {"Authorization": "Basic «<b62:27>=»"}
more = {"Authorization": "Bearer «<b62:40>»"}
jwt = "«eyJhbGciOiJIUzI1NiJ9.eyJ<b62:24>.<url:43>»"
FERNET = b"«<b62:43>=»"
signed = "https://files.shop.net/a.pdf?X-Amz-Date=1&X-Amz-Signature=«<hex:64>»"
maps = "https://maps.shop.net/js?key=«<b62:30>»&v=3"
# old one: db_password = "«Old<num:3>pw»"
HASHED = "«$2b$12$<b62:53>»"
def login(user, pw="x", api_token="«<low:28>»"):
    return os.environ["HOME"]
KEY = '''-----BEGIN RSA PRIVATE KEY-----
«MIIEowIBAAKCAQEA<b64:48>»
«<b64:64>»
«<b64:64>»
-----END RSA PRIVATE KEY-----'''
"""

JAVASCRIPT = """\
const github = '«gho_<b62:36>»';
const npm = '«npm_<b62:36>»';
const square = '«sq0atp-<b62:22>»';
const shopify = '«shpat_<hex:32>»';
const digitalOcean = '«dop_v1_<hex:64>»';
const vault = '«hvs.<b62:24>»';
const groq = '«gsk_<b62:52>»';
const replicate = '«r8_<b62:37>»';
const linear = '«lin_api_<b62:40>»';
const notion = '«ntn_<b62:46>»';
const figma = '«figd_<b62:40>»';
const airtable = '«pat<b62:14>.<hex:64>»';
const sentry = '«sntrys_<b62:60>»';
const hook = 'https://discord.com/api/webhooks/«<num:18>/<b62:68>»';
mongoose.connect('mongodb://shop:«Mo7ng<b62:4>»@db.shop.net/shop');
const pool = new Pool({ user: 'shop', password: '«Pl9<b62:7>»' });
app.use(session({ secret: '«keyboard cat <num:4>»' }));
jwt.sign(payload, secretKey ?? '«<b62:36>»');
const encryptionKey = Buffer.from('«<hex:64>»', 'hex');
fetch(url, { headers: { 'x-api-key': '«<b62:32>»' } });
process.env.API_KEY = process.env.API_KEY || '«<low:32>»';
"""

TYPESCRIPT = """\
const apiKey: string = `«<b62:40>»`;
export class Settings { private readonly dbPassword = '«Ts4<b62:8>»'; }
const supabase = createClient(url, '«sbp_<hex:40>»');
const grafana: string = "«glsa_<b62:32>_<hex:8>»";
const bot = new Client({ token: '«<b62:24>.<b62:6>.<url:27>»' });
const totp = "«<b32:32>»";
const planet = 'mysql://u1:«pscale_pw_<b62:43>»@aws.shop.net/shop';
const azure = 'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=«<b64:86>==»;';
const bus = 'Endpoint=sb://a.shop.net/;SharedAccessKeyName=r;SharedAccessKey=«<b64:43>=»';
"""

YAML = """\
database:
  url: postgres://shop:«Ym6<b62:7>»@db1.shop.net/shop
  password: «Yp5<b62:7>»
smtp:
  password: "«Sm!<num:5>tp»"
api_key: «<b62:32>»
jwt:
  signing_key: '«<b64:44>»'
environment:
  - DB_PASSWORD=«En8<b62:7>»
  - NEW_RELIC_LICENSE_KEY=«<hex:36>NRAL»
docker_token: «dckr_pat_<url:27>»
pulumi: «pul-<hex:40>»
doppler: «dp.pt.<b62:43>»
run: curl -u deploy:«Cu1<b62:7>» https://shop.net/deploy
webhook_secret: «<hex:40>»
"""

SQL = """\
CREATE USER shop WITH PASSWORD '«Sq7<b62:7>»';
CREATE USER 'report'@'%' IDENTIFIED BY '«Re8<b62:6>»';
ALTER ROLE shop WITH ENCRYPTED PASSWORD '«Al9<b62:6>»';
INSERT INTO settings (name, value) VALUES ('stripe', '«rk_live_<b62:24>»');
INSERT INTO api_tokens (user_id, token) VALUES (1, '«<b62:40>»');
UPDATE users SET password = '«$2a$10$<b62:53>»' WHERE id = 1;
CREATE SUBSCRIPTION s CONNECTION 'host=db2 user=rep password=«Su6<b62:6>»' PUBLICATION p;
"""

DOCKERFILE = """\
FROM python:3.12-slim
ENV DB_PASSWORD=«Do1<b62:8>»
ENV API_TOKEN «<b62:32>»
ARG NPM_TOKEN=«npm_<b62:36>»
RUN pip install --index-url https://ci:«In5<b62:8>»@pypi.shop.net/simple shop
RUN git clone https://«<b62:40>»@git.shop.net/shop.git
RUN curl -H "Authorization: Bearer «<b62:36>»" https://shop.net/file -o file
"""

FILES = {
    "app/secrets_in.py": PYTHON,
    "app/secrets_in.js": JAVASCRIPT,
    "app/secrets_in.ts": TYPESCRIPT,
    "deploy/values.yml": YAML,
    "db/users.sql": SQL,
    "Dockerfile": DOCKERFILE,
}
"""Path -> template."""
