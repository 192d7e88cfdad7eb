// The `openai` package for Node: `OpenAIRealtimeWS`, over wss:// because it takes nothing else.
import { readFileSync } from "node:fs";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

const MODEL = "gpt-realtime-2.1";
const TOOL = {
  type: "function",
  name: "get_weather",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const { version } = JSON.parse(readFileSync(new URL("node_modules/openai/package.json", import.meta.url)));

const client = new OpenAI({ apiKey: process.env.PEER_KEY, baseURL: process.env.PEER_URL.replace("wss:", "https:") });
const realtime = new OpenAIRealtimeWS({ model: MODEL }, client);
const heard = [];
let wake = () => {};
let failed = null;
realtime.on("event", (event) => { heard.push(event); wake(); });
realtime.on("error", (error) => { failed = error; wake(); });

// Events up to and with the first of type `kind` that nobody waited for yet; an error ends it.
async function until(kind) {
  for (let at = 0; ; at++) {
    while (at >= heard.length) {
      if (failed) throw failed;
      await new Promise((resolve) => { wake = resolve; });
    }
    if (heard[at].type === kind) return heard.splice(0, at + 1);
  }
}

async function manual(session = {}) {
  await until("session.created");
  realtime.send({
    type: "session.update",
    session: { type: "realtime", audio: { input: { turn_detection: null } }, ...session },
  });
  await until("session.updated");
}

function ask(text) {
  const content = [{ type: "input_text", text }];
  realtime.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  realtime.send({ type: "response.create" });
}

const scenarios = {
  async text() {
    await manual({ output_modalities: ["text"] });
    ask("Hello");
    const events = await until("response.done");
    return { said: events.filter((e) => e.type === "response.output_text.delta").map((e) => e.delta).join("") };
  },
  async audio() {
    await manual();
    const sound = readFileSync(process.env.PEER_AUDIO);
    for (let at = 0; at < sound.length; at += 4800) {
      const audio = sound.subarray(at, at + 4800).toString("base64");
      realtime.send({ type: "input_audio_buffer.append", audio });
    }
    realtime.send({ type: "input_audio_buffer.commit" });
    realtime.send({ type: "response.create" });
    const events = await until("response.done");
    const deltas = events.filter((e) => e.type === "response.output_audio.delta");
    const bytes = deltas.reduce((sum, e) => sum + Buffer.from(e.delta, "base64").length, 0);
    const said = events.find((e) => e.type === "response.output_audio_transcript.done").transcript;
    return { said, audio_bytes: bytes };
  },
  async function() {
    await manual({ output_modalities: ["text"], tools: [TOOL] });
    ask("What is the weather in Rome?");
    let events = await until("response.done");
    const call = events.find((e) => e.type === "response.function_call_arguments.done");
    const item = { type: "function_call_output", call_id: call.call_id, output: "Sunny." };
    realtime.send({ type: "conversation.item.create", item });
    realtime.send({ type: "response.create" });
    events = await until("response.done");
    const said = events.find((e) => e.type === "response.output_text.done").text;
    return { called: call.name, arguments: JSON.parse(call.arguments), said };
  },
  async interruption() {
    await manual();
    ask("Tell me a long story.");
    const { item_id } = (await until("response.output_audio.delta")).at(-1);
    realtime.send({ type: "response.cancel" });
    const done = (await until("response.done")).at(-1);
    realtime.send({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 50 });
    await until("conversation.item.truncated");
    return { status: done.response.status };
  },
};

const outcome = await scenarios[process.argv[2]]();
console.log(JSON.stringify({ version, ...outcome }));
realtime.close();
