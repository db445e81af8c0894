"use strict";

// Hands the answer of the authorization server to the window that asked for it.
(() => {
  const say = (text) => { document.getElementById("message").textContent = text; };
  const asked = window.opener && window.opener.swaggerUIRedirectOauth2;
  if (!asked) {
    say("The page that asked for this authorization is gone. Close this window and try again.");
    return;
  }
  const answer = Object.fromEntries(new URLSearchParams(location.search));
  const fail = (message) => {
    asked.errCb({ authId: asked.auth.name, source: "auth", level: "error", message });
  };
  if (!asked.state || answer.state !== asked.state) {
    fail("The answer is not to the question that was asked: its state is another one.");
  } else if (answer.error) {
    fail(answer.error + (answer.error_description ? ": " + answer.error_description : ""));
  } else if (!answer.code) {
    fail("The authorization server sent no code.");
  } else {
    delete asked.state;
    asked.auth.code = answer.code;
    asked.callback({ auth: asked.auth, redirectUrl: asked.redirectUrl });
  }
  window.close();
})();
