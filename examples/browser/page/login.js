// The authorization code flow with PKCE (RFC 7636), refreshed tokens, and logging
// in again for RFC 9470. Tokens stay in memory: a reload forgets them.
const client = "page";
const redirect = location.origin + "/callback";

const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

let tokens, refreshed;

export const loggedIn = () => Boolean(tokens);

async function metadata() {
  const response = await fetch("/.well-known/oauth-authorization-server");
  const doc = await response.json();
  if (doc.issuer !== location.origin) throw new Error("the issuer is " + doc.issuer);
  return doc;
}

async function request(params) {
  const asked = Date.now();
  const response = await fetch((await metadata()).token_endpoint, { method: "POST", body: new URLSearchParams({ client_id: client, ...params }) });
  const body = await response.json();
  if (!response.ok) throw new Error(body.error_description || body.error);
  tokens = { ...body, half: asked + body.expires_in * 500 };
}

// token gets the next one when half of its time is over. Two requests with one
// refresh token would look like theft, so there is one for all who ask.
export async function token() {
  if (!tokens) throw new Error("log in first");
  if (Date.now() > tokens.half) {
    refreshed ??= request({ grant_type: "refresh_token", refresh_token: tokens.refresh_token })
      .catch((error) => { tokens = undefined; throw error; })
      .finally(() => { refreshed = undefined; });
    await refreshed;
  }
  return tokens.access_token;
}

// login leaves the page; finish, after the way back, answers with what was to be
// done then.
export async function login(demands = {}, then = "") {
  const verifier = random(), state = random();
  sessionStorage.setItem("login", JSON.stringify({ verifier, state, then }));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const url = new URL((await metadata()).authorization_endpoint);
  url.search = new URLSearchParams({
    response_type: "code", client_id: client, redirect_uri: redirect, scope: "offline_access", state,
    code_challenge: base64url(digest), code_challenge_method: "S256", ...demands,
  });
  location.assign(url);
}

export async function finish() {
  const answer = new URLSearchParams(location.search);
  history.replaceState(null, "", "/"); // so that no code stays in the history
  const started = JSON.parse(sessionStorage.getItem("login"));
  sessionStorage.removeItem("login");
  if (!started || answer.get("state") !== started.state) throw new Error("this login was not started here, or is over");
  if (answer.get("iss") !== location.origin) throw new Error("the answer is from another issuer");
  if (answer.has("error")) throw new Error(answer.get("error_description") || answer.get("error"));
  await request({ grant_type: "authorization_code", code: answer.get("code"), redirect_uri: redirect, code_verifier: started.verifier });
  return started.then;
}
