"use strict";

(() => {
  const { document: url, clientId, scopes, cookies } = document.getElementById("swagger-ui").dataset;

  // A browser answers a challenge of HTTP Basic by a dialog of its own, unless
  // the request was to have none of its credentials, and so no cookies.
  const credentials = (own) => (own || cookies ? "same-origin" : "omit");

  const isBasic = (scheme) => scheme && scheme.get("type") === "http" && /^basic$/i.test(scheme.get("scheme"));
  const takesBasic = (operation, spec) => {
    const security = operation.get("security") || spec.get("security");
    return security && security.some((way) => way.some((_, name) => isBasic(spec.getIn(["components", "securitySchemes", name]))));
  };
  const isCookie = (schema) => schema && schema.get("in") === "cookie";

  const execute = (original, { authSelectors, specSelectors }) => (request) => {
    const own = !takesBasic(request.operation, specSelectors.specJson()) ||
      authSelectors.authorized().some((authorization) => isCookie(authorization.get("schema")));
    return original({ ...request, userFetch: (to, options) => fetch(to, { ...options, credentials: credentials(own) }) });
  };

  // Requests for tokens have no userFetch.
  const intercept = (request) => (request.loadSpec || request.userFetch ? request : { ...request, credentials: credentials(false) });

  // What the dialog says of a cookie, which no page can set.
  const explain = (Original, { React }) => {
    const h = React.createElement;
    const Cookie = ({ name, schema, authorized, getComponent, onChange }) => {
      const used = authorized && authorized.has(name);
      React.useEffect(() => { onChange({ name, schema, value: "your-cookie" }); }, [used]);
      return h("div", null,
        h("h4", null, h("code", null, name), " (cookie)"),
        used && h("h6", null, "Authorized"),
        h(getComponent("Markdown", true), { source: schema.get("description") }),
        h("p", null, "Name: ", h("code", null, schema.get("name"))),
        h("p", null, "There is nothing to fill in: log in to the API, and the browser sends this cookie by itself."),
        h("p", null, "To operations that take HTTP Basic too, it does so only while you authorize it here."));
    };
    return (props) => h(isCookie(props.schema) ? Cookie : Original, props);
  };

  const ui = SwaggerUIBundle({
    url,
    dom_id: "#swagger-ui",
    layout: "BaseLayout",
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [{
      statePlugins: { spec: { wrapActions: { executeRequest: execute } } },
      wrapComponents: { apiKeyAuth: explain },
    }],
    requestInterceptor: intercept,
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
