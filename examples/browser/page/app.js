// Each door is a function that shows in its output what came of it.
import { finish, loggedIn, login, token } from "/login.js";

const { second, subprotocol } = document.documentElement.dataset;
const byId = (id) => document.getElementById(id);
const badToken = "e30.e30.c2ln"; // which nobody signed
const bearer = async () => ({ Authorization: "Bearer " + await token() });
const offer = (t) => ["base64url.bearer." + subprotocol + "." + btoa(t).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""), "greetings"];

// open shows the messages of a WebSocket, and how it was closed.
function open(path, protocols, show) {
  const socket = new WebSocket(location.origin.replace("http", "ws") + path, protocols);
  const lines = [];
  const say = (line) => show([...lines, line].join(" "));
  socket.onmessage = (event) => { lines.push(event.data); say("(open)"); };
  return new Promise((resolve) => {
    socket.onclose = (event) => { say("Closed: " + event.code + " " + event.reason); resolve(); };
  });
}

// call shows the status and the body, and the challenge of a refusal.
async function call(url, options, show) {
  const response = await fetch(url, options).catch(() => undefined);
  if (!response) {
    show("The browser shows nothing of the answer.");
    return response;
  }
  const challenge = response.headers.get("WWW-Authenticate");
  show([response.status, (await response.text()).trim(), challenge].filter(Boolean).join(" "));
  return response;
}

// A browser adds the cookie by itself, so "nothing" is what there is without it.
const cookie = async () => fetch("/api/cookie", { method: "POST", headers: await bearer() });
const noCookie = () => fetch("/api/cookie", { method: "DELETE" });

async function stream(show) {
  const response = await fetch("/events", { headers: await bearer() });
  if (!response.ok) return show("Refused: " + response.status);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let count = 0, rest = "", last = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return show(`${count} events. Ended: ${last || "the connection was lost"}`);
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      if (event.startsWith("event: end\n")) last = event.split("data: ")[1];
      else show(`${++count} events, the last at ${event.slice("data: ".length)}`);
    }
  }
}

// parameters reads those of a challenge (RFC 9110 section 11.2).
const parameters = (challenge) => Object.fromEntries([...challenge.matchAll(/([\w-]+)="([^"]*)"/g)].map((m) => [m[1], m[2]]));

// remove logs in again when the API says that the login is too old (RFC 9470),
// but not twice in a row.
async function remove(show, again) {
  const response = await call("/api/everything", { method: "DELETE", headers: await bearer() }, show);
  const { error, max_age, acr_values } = parameters(response?.headers.get("WWW-Authenticate") ?? "");
  if (error !== "insufficient_user_authentication" || again) return;
  const demands = { ...max_age && { max_age }, ...acr_values && { acr_values } };
  await login(demands, "delete");
}

const doors = {
  "ws-token": async (show) => open("/ws", offer(await token()), show),
  "ws-cookie": async (show) => { await cookie(); await open("/ws", [], show); },
  "ws-none": async (show) => { await noCookie(); await open("/ws", [], show); },
  "ws-bad": (show) => open("/ws", offer(badToken), show),
  "ws-strict": async (show) => { await noCookie(); await open("/ws/strict", [], show); },
  "events": stream,
  "cors-token": async (show) => call(second + "/api/me", { headers: await bearer() }, show),
  "cors-bad": (show) => call(second + "/api/me", { headers: { Authorization: "Bearer " + badToken } }, show),
  "cors-method": async (show) => call(second + "/api/everything", { method: "DELETE", headers: await bearer() }, show),
  "own-cookie": async (show) => { await cookie(); await call("/api/notes", { method: "POST" }, show); },
  "cors-cookie": async (show) => { await cookie(); await call(second + "/api/notes", { method: "POST", credentials: "include" }, show); },
  "inside-token": async (show) => call(second + "/inside/me", { headers: await bearer() }, show),
  "inside-bad": (show) => call(second + "/inside/me", { headers: { Authorization: "Bearer " + badToken } }, show),
  "delete": remove,
};

async function enter(name, again) {
  const button = document.querySelector(`[data-door="${name}"]`), output = byId(name);
  if (button.ariaDisabled) return; // and not disabled, which would lose the focus
  button.ariaDisabled = "true";
  output.textContent = "…";
  try {
    await doors[name]((text) => { output.textContent = text; }, again);
  } catch (error) {
    output.textContent = "That did not work: " + error.message;
  } finally {
    button.ariaDisabled = null;
    state();
  }
}

function state(message) {
  byId("state").textContent = message || (loggedIn() ? "You are logged in." : "You are not logged in.");
  byId("login").hidden = loggedIn();
}

byId("login").addEventListener("click", () => login().catch((error) => state("That did not work: " + error.message)));
for (const name of Object.keys(doors)) {
  document.querySelector(`[data-door="${name}"]`).addEventListener("click", () => enter(name));
}

if (location.pathname === "/callback") {
  finish().then((then) => { state(); if (then in doors) enter(then, true); }, (error) => state("That did not work: " + error.message));
} else {
  state();
}
