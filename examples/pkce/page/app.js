// A page that logs in with the authorization code flow and PKCE (RFC 7636), in
// the few lines that it takes. Tokens stay in this tab.
const client = "spa";
const redirect = location.origin + "/callback";
const scope = "orders:read orders:write offline_access";
const byId = (id) => document.getElementById(id);

const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

const tokens = {
  get: () => JSON.parse(sessionStorage.getItem("tokens")),
  set: (t) => sessionStorage.setItem("tokens", JSON.stringify(t)),
  clear: () => sessionStorage.removeItem("tokens"),
};

async function metadata() {
  const response = await fetch("/.well-known/oauth-authorization-server");
  const doc = await response.json();
  if (doc.issuer !== location.origin) throw new Error("the issuer is " + doc.issuer);
  return doc;
}

async function post(url, params) {
  const response = await fetch(url, { method: "POST", body: new URLSearchParams({ client_id: client, ...params }) });
  const text = await response.text();
  const body = text ? JSON.parse(text) : {};
  if (!response.ok) throw new Error(body.error_description || body.error, { cause: body.error });
  return body;
}

async function login() {
  const verifier = random(), state = random();
  sessionStorage.setItem("login", JSON.stringify({ verifier, state }));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const url = new URL((await metadata()).authorization_endpoint);
  url.search = new URLSearchParams({
    response_type: "code", client_id: client, redirect_uri: redirect, scope, state,
    code_challenge: base64url(digest), code_challenge_method: "S256",
  });
  location.assign(url);
}

async function callback() {
  const answer = new URLSearchParams(location.search);
  const started = JSON.parse(sessionStorage.getItem("login"));
  sessionStorage.removeItem("login");
  if (!started && tokens.get()) return location.replace("/"); // the way back, through a login that is over
  const doc = await metadata();
  if (!started || answer.get("state") !== started.state) throw new Error("this login was not started here, or is over");
  if (answer.get("iss") !== doc.issuer) throw new Error("the answer is from another issuer");
  if (answer.has("error")) throw new Error(answer.get("error_description") || answer.get("error"));
  tokens.set(await post(doc.token_endpoint, {
    grant_type: "authorization_code", code: answer.get("code"), redirect_uri: redirect, code_verifier: started.verifier,
  }));
  location.replace("/"); // so that no code stays in the history
}

async function refresh() {
  const doc = await metadata();
  try {
    tokens.set(await post(doc.token_endpoint, { grant_type: "refresh_token", refresh_token: tokens.get().refresh_token }));
  } catch (error) {
    if (error.cause !== "invalid_grant") throw error;
    tokens.clear();
    return show("Your login has ended. Please log in again.");
  }
  show("The token was refreshed.");
}

async function logout() {
  const held = tokens.get();
  tokens.clear();
  try {
    const ended = await fetch("/logout", { method: "POST" });
    if (!ended.ok) throw new Error("the server cannot be told now");
    const doc = await metadata();
    await post(doc.revocation_endpoint, { token: held.refresh_token || held.access_token });
  } finally {
    show("You are logged out.");
    byId("login").focus();
  }
}

async function call(path) {
  const response = await fetch(path, { headers: { Authorization: "Bearer " + tokens.get().access_token } });
  byId("answer").textContent = response.status + " " + (await response.text());
}

function claims(token) {
  const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(payload), (c) => c.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

function show(message) {
  const held = tokens.get();
  byId("anonymous").hidden = Boolean(held);
  byId("known").hidden = !held;
  byId("claims").textContent = held ? JSON.stringify(claims(held.access_token), null, 2) : "";
  byId("answer").textContent = "";
  byId("state").textContent = message || (held ? "You are logged in." : "You are not logged in.");
}

const fail = (error) => { byId("state").textContent = "That did not work: " + error.message; };
let busy = false; // a refresh token that is used twice is taken for stolen
const guard = (f) => async () => {
  if (busy) return;
  busy = true;
  await f().catch(fail);
  busy = false;
};

if (location.pathname === "/callback") {
  callback().catch(fail);
} else {
  byId("login").addEventListener("click", guard(login));
  byId("refresh").addEventListener("click", guard(refresh));
  byId("logout").addEventListener("click", guard(logout));
  for (const button of document.querySelectorAll("[data-call]")) {
    button.addEventListener("click", guard(() => call(button.dataset.call)));
  }
  show();
}
