// Typed use of the API as people write it; compiling is the check.
import { client, dataOf } from "./ask.js";

export async function use(): Promise<string> {
  const agent = dataOf(await client.POST("/api/v1/agents", { body: { name: "Clerk" } }));
  const mode: "none" | "window" | undefined = agent.memory.mode;
  const tools: string[] = agent.tools.map((tool) => tool.ref);
  const run = dataOf(
    await client.POST("/api/v1/agents/{agent_id}/execute", {
      params: { path: { agent_id: agent.id }, header: { Prefer: "wait=5", "Idempotency-Key": "a-key" } },
      body: { input: "Hello" },
    }),
  );
  const page = dataOf(
    await client.GET("/api/v1/agents", { params: { query: { "status[in]": ["active", "paused"], sort: ["-created_at"] } } }),
  );
  const names: (string | undefined)[] = page.items.map((item) => item.name);
  const { error } = await client.POST("/api/v1/users/{user_id}/assign", {
    params: { path: { user_id: agent.owner_id } },
    body: { role: "viewer", place: { type: "organization" } },
  });
  const code: string | undefined = error?.errors["_"]?.[0]?.code;
  return [mode, ...tools, run.status, page.pagination.next_cursor, ...names, code].join();
}
