// Serves the protocols of OpenAI, Anthropic, Gemini, Ollama and Bedrock on loopback, with scripted answers: node serve.mjs
// Prints `ready http://127.0.0.1:PORT` when it answers, and ends when it is killed or its standard input closes.

import { fstatSync } from "node:fs";
import { LLMock } from "@copilotkit/aimock";

const usage = { prompt_tokens: 9, completion_tokens: 3 };
const say = (content, more) => ({ content, usage, ...more });
const call = (...calls) => ({ toolCalls: calls.map(([name, args]) => ({ name, arguments: args })), usage });
const fail = (status, more) => ({ status, error: { message: `status ${status} as asked`, type: KINDS[status] ?? "api_error" }, ...more });

// Anthropic's names; OpenAI's differ only for 500, and Gemini's are others.
const KINDS = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  408: "timeout_error",
  413: "request_too_large",
  429: "rate_limit_error",
  529: "overloaded_error",
};

const textOf = ({ content }) => (typeof content === "string" ? content : content.map(part => part.text ?? "").join(""));
const question = request => textOf(request.messages.findLast(message => message.role === "user"));
const hasTools = request => (request.tools?.length ?? 0) > 0;

/** An object: as the arguments of the tool that takes it, where the request has one, and else as text. */
const object = value => request => {
  const takes = tool => Object.keys(value).every(key => key in (tool.function.parameters?.properties ?? {}));
  const tool = request.tools?.find(takes);
  return tool ? call([tool.function.name, value]) : say(JSON.stringify(value));
};

const COUNTED = "one two three four";
const LONG = "one two three four five six seven eight nine ten";

// chunkSize is in characters. The first fixture that matches answers.
const mock = new LLMock({ host: "127.0.0.1", port: 0, chunkSize: 5 });

mock.onMessage("Say hello", say("Hello there."));
mock.onMessage("Say nothing", say(""));
mock.onMessage("Think first", say("Blue.", { reasoning: "The sky is blue." }));
mock.onMessage("Count from one", say(COUNTED, { finishReason: "length" }));
mock.onMessage("Refuse this", say("No.", { finishReason: "content_filter" }));

mock.onMessage("temperature forever", call(["temperature", { city: "Oslo" }]));
mock.onMessage("an unknown tool", request => (request.messages.at(-1).role === "tool" ? say("There is no such tool.") : call(["nonsense", {}])));
mock.onMessage("bad arguments", request => (request.messages.at(-1).role === "tool" ? say("Those were bad.") : call(["temperature", { town: 7 }])));
mock.onMessage("broken arguments", request => (request.messages.at(-1).role === "tool" ? say("Those were broken.") : call(["temperature", '{"city": "Os'])));
mock.on({ userMessage: "temperature in", hasToolResult: true }, say("It is 17 degrees."));
mock.on({ userMessage: "temperature in Oslo and Bergen", predicate: hasTools }, call(["temperature", { city: "Oslo" }], ["temperature", { city: "Bergen" }]));
mock.on({ userMessage: "temperature in Oslo, after a word", predicate: hasTools }, { content: "Let me look.", ...call(["temperature", { city: "Oslo" }]) });
mock.on({ userMessage: "temperature in Oslo", predicate: hasTools }, call(["temperature", { city: "Oslo" }]));
mock.onMessage("temperature in", say("I have no tool for that."));

mock.onMessage("as JSON", object({ age: 31 }));
mock.onMessage("two colours, in an object", object({ answer: "blue" }));
mock.onMessage("two colours", request => (hasTools(request) || request.response_format?.type === "json_schema" ? object({ answer: "blue" })(request) : say("blue")));

mock.onMessage("429 please", fail(429, { retryAfter: 2 }));
for (const status of [400, 401, 403, 404, 408, 413, 500, 502, 503, 529]) mock.onMessage(`${status} please`, fail(status));
mock.onMessage("too long", {
  status: 400,
  error: {
    message: "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.",
    type: "invalid_request_error",
    code: "context_length_exceeded",
  },
});

// The same text fails twice, is answered the third time, and so on.
const tries = new Map();
mock.onMessage("flaky", request => {
  const text = question(request);
  const earlier = tries.get(text) ?? 0;
  tries.set(text, (earlier + 1) % 3);
  return [fail(503), fail(429, { retryAfter: 1 }), say("Recovered.")][earlier];
});

mock.onMessage("malformed please", say(LONG), { chaos: { malformedRate: 1 } });
mock.onMessage("hang up please", say(LONG), { chaos: { disconnectRate: 1 } });
mock.onMessage("hang please", say("Late."), { chaos: { latencyMs: 30_000 } });
// These three are for streams; asked without one, they answer in full at once.
mock.onMessage("cut off please", say(LONG), { truncateAfterChunks: 6, latency: 20 });
mock.onMessage("stall please", say(LONG), { streamingProfile: { ttft: 0, tps: 1 / 3600 } });
mock.onMessage("slowly please", say(LONG), { latency: 100 });

// Every other text gets a vector of its own, always the same.
mock.onEmbedding("429 please", fail(429, { retryAfter: 2 }));
mock.onEmbedding("500 please", fail(500));

/** Passes what is written for requests under `path` through `mend`, where aimock differs from the real server. */
function mendUnder(path, mend) {
  mock.mount(path, {
    async handleRequest(_request, response) {
      const state = {};
      for (const name of ["write", "end"]) {
        const plain = response[name];
        response[name] = (data, ...rest) => plain.call(response, typeof data === "string" ? mend(data, response, state) : data, ...rest);
      }
      return false;
    },
  });
}

// Gemini knows no such reason: it stops for a call as for anything else.
mendUnder("/v1beta/models", data => data.replaceAll('"finishReason":"FUNCTION_CALL"', '"finishReason":"STOP"'));

// Anthropic's reason has its own name.
mendUnder("/v1/messages", data => data.replaceAll('"stop_reason":"content_filter"', '"stop_reason":"refusal"'));

// For aimock every answer of Ollama's is of no tokens and ends on its own, its thoughts have OpenAI's name, and an
// error is an object instead of a text.
mendUnder("/api/chat", (data, response, state) => {
  if (data.startsWith("{malformed")) return data;
  const reply = JSON.parse(data);
  if (response.statusCode >= 400) return JSON.stringify({ error: reply.error.message });
  state.text = (state.text ?? "") + reply.message.content;
  if (reply.message.reasoning_content) {
    reply.message.thinking = reply.message.reasoning_content;
    delete reply.message.reasoning_content;
  }
  if (reply.done) {
    reply.prompt_eval_count = usage.prompt_tokens;
    reply.eval_count = usage.completion_tokens;
    reply.done_reason = state.text === COUNTED ? "length" : "stop";
  }
  return JSON.stringify(reply) + (data.endsWith("\n") ? "\n" : "");
});

const address = await mock.start();
console.log(`ready ${address}`);

// A terminal, a file or nothing at all as standard input says nothing of whether anybody still needs this.
const input = fstatSync(0);
if (input.isFIFO() || input.isSocket()) process.stdin.on("close", () => process.exit()).resume();
