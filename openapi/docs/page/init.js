"use strict";

(() => {
  const { document: url, clientId, scopes } = document.getElementById("swagger-ui").dataset;
  const ui = SwaggerUIBundle({
    url,
    dom_id: "#swagger-ui",
    layout: "BaseLayout",
    presets: [SwaggerUIBundle.presets.apis],
    showExtensions: true,
    validatorUrl: null,
    oauth2RedirectUrl: new URL("oauth2-redirect.html", location.href.split(/[?#]/)[0]).href,
  });
  ui.initOAuth({
    clientId: clientId || undefined,
    scopes: scopes ? scopes.split(" ") : [],
    usePkceWithAuthorizationCodeGrant: true,
  });
})();
