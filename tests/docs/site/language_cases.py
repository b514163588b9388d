"""Examples with curl, and the same in Python and in TypeScript, as a person would write it."""

from languages.page import Translation, translated

_BEGIN = """\
API=http://127.0.0.1:8000/api/v1
JSON='Content-Type: application/json'
AUTH="Authorization: Bearer key"
AGENT=agent_1
"""


def of(block: str, language: str) -> str:
    """A block in a language, after another one that gives the variables."""
    _, found = translated([_BEGIN, block])
    assert isinstance(found, Translation), found
    return found.codes[language]


#: By what they are about: commands, the same in Python, and in TypeScript.
REQUESTS = {
    "GET, and a field as a variable": (
        'NAME_OF=$(curl -sS --fail-with-body "$API/agents/$AGENT?fields=name" -H "$AUTH" | jq -r .data.name)',
        """\
response = client.get(f"{api}/agents/{agent}?fields=name", headers=auth)
response.raise_for_status()
name_of = response.json()["data"]["name"]""",
        """\
const response = await fetch(`${api}/agents/${agent}?fields=name`, { headers: auth });
if (!response.ok) throw new Error(await response.text());
const nameOf = (await response.json()).data.name;""",
    ),
    "POST with JSON, with variables in texts and as values": (
        "LIMIT='{\"max\": 1}'\n"
        """curl -s --fail-with-body $API/a -H "$AUTH" -H "$JSON" \\
  -d '{"tool": "app:'$AGENT'/x", "max": '"$LIMIT"', "on": true}' >/dev/null""",
        """\
limit = {"max": 1}
response = client.post(f"{api}/a", headers=auth, json={
    "tool": f"app:{agent}/x",
    "max": limit,
    "on": True,
})
response.raise_for_status()""",
        """\
const limit = { max: 1 };
const response = await fetch(`${api}/a`, {
  method: "POST",
  headers: { ...auth, ...json },
  body: JSON.stringify({ tool: `app:${agent}/x`, max: limit, on: true }),
});
if (!response.ok) throw new Error(await response.text());""",
    ),
    "JSON in double quotes": (
        'curl -s $API/a -H "$JSON" -d "{\\"id\\": \\"$AGENT\\"}" -o /dev/null',
        'response = client.post(f"{api}/a", json={"id": agent})',
        """\
const response = await fetch(`${api}/a`, {
  method: "POST",
  headers: json,
  body: JSON.stringify({ id: agent }),
});""",
    ),
    "POST without a body": (
        'curl -s -X POST $API/a -H "$AUTH" >/dev/null',
        'response = client.post(f"{api}/a", headers=auth)',
        'const response = await fetch(`${api}/a`, { method: "POST", headers: auth });',
    ),
    "DELETE whose answer is printed": (
        'curl -s -X DELETE $API/a -H "$AUTH"',
        'response = client.delete(f"{api}/a", headers=auth)\nprint(response.text)',
        'const response = await fetch(`${api}/a`, { method: "DELETE", headers: auth });\nconsole.log(await response.text());',
    ),
    "headers of one request": (
        "curl -s $API/a -H \"$AUTH\" -H 'If-Match: \"1\"' -A 'tablet/1.0' -o /dev/null",
        """response = client.get(f"{api}/a", headers={**auth, "If-Match": '"1"', "User-Agent": "tablet/1.0"})""",
        """\
const response = await fetch(`${api}/a`, {
  headers: { ...auth, "If-Match": '"1"', "User-Agent": "tablet/1.0" },
});""",
    ),
    "HEAD, and what curl shows of a response": (
        'curl -sSI $API/a -H "$AUTH"',
        """\
response = client.head(f"{api}/a", headers=auth)
print(response.status_code, response.reason_phrase)
for name, value in response.headers.items():
    print(f"{name}: {value}")""",
        """\
const response = await fetch(`${api}/a`, { method: "HEAD", headers: auth });
console.log(response.status, response.statusText);
response.headers.forEach((value, name) => console.log(`${name}: ${value}`));""",
    ),
    "the body and the status": (
        "curl -s $API/a -w ' %{http_code}\\n'",
        'response = client.get(f"{api}/a")\nprint(f"{response.text} {response.status_code}")',
        "const response = await fetch(`${api}/a`);\nconsole.log(`${await response.text()} ${response.status}`);",
    ),
    "a stream": (
        "curl -sSN --fail-with-body --max-time 50 $API/a -H 'Accept: text/event-stream'",
        """\
with client.stream("GET", f"{api}/a", headers={"Accept": "text/event-stream"}) as response:
    response.raise_for_status()
    for line in response.iter_lines():
        print(line)""",
        """\
const response = await fetch(`${api}/a`, { headers: { Accept: "text/event-stream" } });
if (!response.ok) throw new Error(await response.text());
for await (const chunk of response.body!) process.stdout.write(chunk);""",
    ),
}
FILTERS = {
    "a field, in lines": (
        ".data",
        'print(json.dumps(response.json()["data"], indent=2))',
        "(await response.json()).data, null, 2));",
    ),
    "fields, in one line": (
        "-c '.data | {id, at: .times[0]}'",
        'data = response.json()["data"]\nprint(json.dumps({"id": data["id"], "at": data["times"][0]}))',
        "const data = (await response.json()).data;\nconsole.log(JSON.stringify({ id: data.id, at: data.times[0] }));",
    ),
    "texts of the items": (
        "-r '.data.items[].name'",
        'for item in response.json()["data"]["items"]:\n    print(item["name"])',
        "for (const item of (await response.json()).data.items) {\n  console.log(item.name);\n}",
    ),
    "the items that fulfil a condition": (
        """-c '[.rows[] | select(.kind == "a") | [.at[11:16], .b]]'""",
        """\
print(json.dumps([
    [row["at"][11:16], row["b"]]
    for row in response.json()["rows"]
    if row["kind"] == "a"
]))""",
        '.filter((row: any) => row.kind === "a").map(\n  (row: any) => [row.at.slice(11, 16), row.b],\n)',
    ),
    "two values of each item": (
        "-c '.rows[] | .a, .b'",
        'for row in response.json()["rows"]:\n    print(json.dumps(row["a"]))\n    print(json.dumps(row["b"]))',
        "  console.log(JSON.stringify(row.a));\n  console.log(JSON.stringify(row.b));",
    ),
    "all but some fields": (
        "-c '.data | del(.a, .b)'",
        'for name, value in response.json()["data"].items()\n    if name not in ("a", "b")',
        'Object.entries((await response.json()).data).filter(([name]) => !["a", "b"].includes(name))',
    ),
    "the first item or nothing": (
        "-c '[.rows[] | select(.ok)][0] // empty'",
        'next((row for row in response.json()["rows"] if row["ok"]), None)',
        "(await response.json()).rows.find((row: any) => row.ok)",
    ),
    "a field of the first item, if there is one": (
        "-r '.rows[0].id // \"none\"'",
        'next((row["id"] for row in response.json()["rows"]), "none")',
        '(await response.json()).rows[0]?.id ?? "none"',
    ),
    "such a field in a comparison": (
        '-c \'(.rows[0].id // "none") == "x"\'',
        'next((row["id"] for row in response.json()["rows"]), "none") == "x"',
        '((await response.json()).rows[0]?.id ?? "none") === "x"',
    ),
    "one or the other": (
        "-c 'if .ok then (.rows | length) else null end'",
        'len(body["rows"]) if body["ok"] else None',
        "body.ok ? body.rows.length : null",
    ),
    "a changed field": ("-c '.x |= (. + {b: 1})'", '{**body, "x": {**body["x"], "b": 1}}', "{ ...body, x: { ...body.x, b: 1 } }"),
    "names": ("-c '.data | keys'", 'sorted(response.json()["data"])', "Object.keys((await response.json()).data).sort()"),
    "a text that is made": (
        "-r '.faults[] | \"\\(.path): \\(.message)\"'",
        "print(f\"{fault['path']}: {fault['message']}\")",
        "console.log(`${fault.path}: ${fault.message}`);",
    ),
}
COMMANDS = {
    "a wait with an end": (
        """\
for TRY in {1..100}; do
  SEEN=$(curl -s $API/a | jq .data)
  if jq -e '.status | IN("queued", "running") | not' <<<"$SEEN" >/dev/null; then break; fi
  sleep 0.5
done
echo "$SEEN"
""",
        """\
for _ in range(100):
    response = client.get(f"{api}/a")
    seen = response.json()["data"]
    if seen["status"] not in ("queued", "running"):
        break
    time.sleep(0.5)
print(json.dumps(seen, indent=2))""",
        """\
let seen: any;
for (let attempt = 1; attempt <= 100; attempt++) {
  const response = await fetch(`${api}/a`);
  seen = (await response.json()).data;
  if (!["queued", "running"].includes(seen.status)) break;
  await sleep(500);
}
console.log(JSON.stringify(seen, null, 2));""",
    ),
    "words one after the other": (
        "for NAME_OF in Ant Bee; do curl -s $API/$NAME_OF; done",
        'for name_of in ["Ant", "Bee"]:\n    response = client.get(f"{api}/{name_of}")\n    print(response.text)',
        """\
for (const nameOf of ["Ant", "Bee"]) {
  const response = await fetch(`${api}/${nameOf}`);
  console.log(await response.text());
}""",
    ),
    "a function that answers": (
        """\
create() {
  local KIND=$1 BODY=$2
  curl -sS --fail-with-body $API/$KIND -H "$JSON" -d "$BODY" | jq -r .data.id
}
TEAM=$(create teams '{"name": "A"}')
""",
        """\
def create(kind, body):
    response = client.post(f"{api}/{kind}", json=body)
    response.raise_for_status()
    return response.json()["data"]["id"]


team = create("teams", {"name": "A"})""",
        """\
async function create(kind: string, body: unknown) {
  const response = await fetch(`${api}/${kind}`, {
    method: "POST",
    headers: json,
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()).data.id;
}

const team = await create("teams", { name: "A" });""",
    ),
    "a function that waits, or fails": (
        """\
ended() {
  local RUN=$1 SEEN
  SEEN=$(curl -s $API/$RUN)
  if [ "$(jq -r .status <<<"$SEEN")" != running ]; then echo "$SEEN"; return; fi
  echo "$SEEN" >&2; return 1
}
ended run_1 | jq -r .id
""",
        """\
def ended(run):
    response = client.get(f"{api}/{run}")
    seen = response.json()
    if seen["status"] != "running":
        return seen
    raise RuntimeError(seen)


print(ended("run_1")["id"])""",
        """\
async function ended(run: string) {
  const response = await fetch(`${api}/${run}`);
  const seen = await response.json();
  if (seen.status !== "running") {
    return seen;
  }
  throw new Error(JSON.stringify(seen));
}

console.log((await ended("run_1")).id);""",
    ),
    "a variable that changes": (
        'TEAM=$(curl -s $API/a)\njq .data <<<"$TEAM"\nTEAM=$(jq -r .data.id <<<"$TEAM")',
        """\
response = client.get(f"{api}/a")
team = response.json()
print(json.dumps(team["data"], indent=2))
team = team["data"]["id"]""",
        """\
const response = await fetch(`${api}/a`);
let team = await response.json();
console.log(JSON.stringify(team.data, null, 2));
team = team.data.id;""",
    ),
    "a part of a variable": (
        'curl -s "${API%/api/v1}$AGENT" -o /dev/null',
        """response = client.get(f"{api.removesuffix('/api/v1')}{agent}")""",
        'const response = await fetch(`${api.replace("/api/v1", "")}${agent}`);',
    ),
    "what the languages keep for themselves": (
        "ID=1\nNEXT=2\nCASE=3\nON_EVENT=4",
        'id_ = "1"\nnext_ = "2"\ncase = "3"\non_event = "4"',
        'const id = "1";\nconst next = "2";\nconst case_ = "3";\nconst onEvent = "4";',
    ),
}
