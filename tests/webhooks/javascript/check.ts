// What the libraries of the standards make of messages: each is verified, refused when it is changed, and read as the event that it is.
import { readFileSync } from "node:fs";
import { HTTP, type CloudEvent } from "cloudevents";
import { Webhook } from "standardwebhooks";

type Message = { secret: string; body: string; headers: Record<string, string> };
type Standard = { type: string; data: { id: string } };

function check({ secret, body, headers }: Message): { verified: unknown; isChangeRefused: boolean; event: unknown } {
  const webhook = new Webhook(secret);
  const verified = webhook.verify(body, headers);
  return { verified, isChangeRefused: isRefused(() => webhook.verify(body.replace("type", "tipe"), headers)), event: read(body, headers) };
}

function isRefused(verify: () => unknown): boolean {
  try {
    verify();
    return false;
  } catch {
    return true;
  }
}

function read(body: string, headers: Record<string, string>): { id: string; type: string; source: string | null; subject: string | null } {
  if (headers["Content-Type"] !== "application/cloudevents+json") {
    const { type, data } = JSON.parse(body) as Standard;
    return { id: data.id, type, source: null, subject: null };
  }
  const event = HTTP.toEvent({ headers, body }) as CloudEvent<unknown>;
  event.validate();
  return { id: event.id, type: event.type, source: event.source, subject: event.subject ?? null };
}

const messages = JSON.parse(readFileSync(0, "utf8")) as Message[];
console.log(JSON.stringify(messages.map(check)));
