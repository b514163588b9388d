// What the checks of the TypeScript client share: a client of the server, and an object before and after a change.
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./aasim.js";

const told: { url: string; token: string } = JSON.parse(readFileSync(0, "utf8"));

export const client = createClient<paths, "application/json">({
  baseUrl: told.url,
  headers: { Authorization: `Bearer ${told.token}` },
});

type Failure = components["schemas"]["Failure"];
type Answer<T> = { data?: { data: T }; error?: Failure };

export function dataOf<T>(answer: Answer<T>): T {
  if (answer.data === undefined) {
    throw new Error(JSON.stringify(answer.error));
  }
  return answer.data.data;
}
