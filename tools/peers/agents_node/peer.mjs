// `@openai/agents-realtime`: a `RealtimeSession` over its WebSocket transport.
import { readFileSync } from "node:fs";
import { tool } from "@openai/agents-core";
import { RealtimeAgent, RealtimeSession } from "@openai/agents-realtime";
import { z } from "zod";

const MODEL = "gpt-realtime-2.1";
const scenario = process.argv[2];
const manifest = new URL("node_modules/@openai/agents-realtime/package.json", import.meta.url);
const { version } = JSON.parse(readFileSync(manifest));
const called = {};

const getWeather = tool({
  name: "get_weather",
  description: "The weather in a city.",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => {
    Object.assign(called, { called: "get_weather", arguments: { city } });
    return "Sunny.";
  },
});

const modality = scenario === "text" || scenario === "function" ? "text" : "audio";
const agent = new RealtimeAgent({ name: "peer", instructions: "Answer.", tools: [getWeather] });
const session = new RealtimeSession(agent, {
  transport: "websocket",
  model: MODEL,
  config: { outputModalities: [modality], audio: { input: { turnDetection: null } } },
});

let failed;
const failure = new Promise((_, reject) => { failed = reject; });
session.on("error", ({ error }) => failed(new Error(JSON.stringify(error?.error ?? error?.message ?? error))));
const within = (promise) => Promise.race([promise, failure]);

// Resolves at the `count`th event of the protocol that fits.
function seen(fits, count = 1) {
  return new Promise((resolve) => {
    session.on("transport_event", (event) => {
      if (fits(event) && --count === 0) resolve(event);
    });
  });
}

function said() {
  const messages = session.history.filter((item) => item.type === "message" && item.role === "assistant");
  return (messages.at(-1)?.content ?? []).map((part) => part.text ?? part.transcript ?? "").join("");
}

const scenarios = {
  async text() {
    const done = seen((event) => event.type === "response.done");
    session.sendMessage("Hello");
    await within(done);
    return { said: said() };
  },
  async audio() {
    let bytes = 0;
    session.on("audio", (event) => { bytes += event.data.byteLength; });
    const done = seen((event) => event.type === "response.done");
    const sound = readFileSync(process.env.PEER_AUDIO);
    for (let at = 0; at < sound.length; at += 4800) {
      const chunk = new Uint8Array(sound.subarray(at, at + 4800)); // a copy: its buffer holds nothing else
      session.sendAudio(chunk.buffer, { commit: at + 4800 >= sound.length });
    }
    session.transport.requestResponse();
    await within(done);
    return { said: said(), audio_bytes: bytes };
  },
  async function() {
    const done = seen((event) => event.type === "response.done", 2);
    session.sendMessage("What is the weather in Rome?");
    await within(done);
    return { ...called, said: said() };
  },
  async interruption() {
    const sound = new Promise((resolve) => { session.on("audio", resolve); });
    const done = seen((event) => event.type === "response.done");
    const truncated = seen((event) => event.type === "conversation.item.truncated");
    session.sendMessage("Tell me a long story.");
    await within(sound);
    await new Promise((resolve) => setTimeout(resolve, 100)); // hear a little of it
    session.interrupt();
    const { response } = await within(done);
    await within(truncated);
    return { status: response.status };
  },
};

const url = `${process.env.PEER_URL}/realtime?model=${MODEL}`;
await within(session.connect({ apiKey: process.env.PEER_KEY, url }));
const outcome = await scenarios[scenario]();
console.log(JSON.stringify({ version, ...outcome }));
session.close();
process.exit(0);
