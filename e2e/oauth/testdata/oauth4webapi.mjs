// A client of oauth4webapi, which leaves every step to its user.
import * as oauth from 'oauth4webapi'
import { serve, signer } from './client.mjs'

const insecure = { [oauth.allowInsecureRequests]: true }
let as, client, authenticate, redirect, verifier, state, last

const remember = (url, options) => {
  last = { url, options }
  return fetch(url, options)
}
const options = { ...insecure, [oauth.customFetch]: remember }

const methods = {
  none: () => oauth.None(),
  client_secret_basic: ({ secret }) => oauth.ClientSecretBasic(secret),
  client_secret_post: ({ secret }) => oauth.ClientSecretPost(secret),
  private_key_jwt: ({ key }) => signer(oauth, key),
}

const token = async (process, response) => {
  const { access_token, refresh_token, scope, token_type } = await process(as, client, await response)
  return { access_token, refresh_token, scope, token_type }
}

serve({
  async discover({ issuer, id, method, ...credentials }) {
    const url = new URL(issuer)
    as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...insecure }))
    client = { client_id: id }
    authenticate = await methods[method](credentials)
    return {}
  },

  async authorize({ redirect_uri, scope }) {
    redirect = redirect_uri
    verifier = oauth.generateRandomCodeVerifier()
    state = oauth.generateRandomState()
    const url = new URL(as.authorization_endpoint)
    url.search = new URLSearchParams({
      client_id: client.client_id, redirect_uri, response_type: 'code', scope, state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    })
    return { url }
  },

  redeem({ callback, code_verifier }) {
    const params = oauth.validateAuthResponse(as, client, new URL(callback), state)
    return token(oauth.processAuthorizationCodeResponse,
      oauth.authorizationCodeGrantRequest(as, client, authenticate, params, redirect, code_verifier ?? verifier, options))
  },

  refresh: ({ refresh_token }) => token(oauth.processRefreshTokenResponse,
    oauth.refreshTokenGrantRequest(as, client, authenticate, refresh_token, options)),

  machine: ({ scope }) => token(oauth.processClientCredentialsResponse,
    oauth.clientCredentialsGrantRequest(as, client, authenticate, { scope }, options)),

  async introspect({ token }) {
    return oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, authenticate, token, options))
  },

  async revoke({ token }) {
    await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, authenticate, token, options))
    return {}
  },

  async call({ url, token }) {
    const response = await oauth.protectedResourceRequest(token, 'GET', new URL(url), undefined, undefined, insecure)
    return { status: response.status }
  },

  // again sends the last request to the token endpoint once more.
  async again() {
    const response = await fetch(last.url, last.options)
    return { status: response.status, ...await response.json() }
  },
})
