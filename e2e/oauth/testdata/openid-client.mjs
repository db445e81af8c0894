// A client of openid-client, which does most by itself.
import * as openid from 'openid-client'
import { serve, signer } from './client.mjs'

let config, verifier, state

const methods = {
  none: () => openid.None(),
  client_secret_basic: ({ secret }) => openid.ClientSecretBasic(secret),
  client_secret_post: ({ secret }) => openid.ClientSecretPost(secret),
  private_key_jwt: ({ key }) => signer(openid, key),
}

const token = ({ access_token, refresh_token, scope, token_type }) => ({ access_token, refresh_token, scope, token_type })

serve({
  async discover({ issuer, id, method, ...credentials }) {
    config = await openid.discovery(new URL(issuer), id, undefined, await methods[method](credentials), {
      algorithm: 'oauth2', execute: [openid.allowInsecureRequests],
    })
    return {}
  },

  async authorize({ redirect_uri, scope }) {
    verifier = openid.randomPKCECodeVerifier()
    state = openid.randomState()
    const url = openid.buildAuthorizationUrl(config, {
      redirect_uri, scope, state,
      code_challenge: await openid.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    })
    return { url }
  },

  redeem: async ({ callback, code_verifier }) => token(await openid.authorizationCodeGrant(config, new URL(callback), {
    pkceCodeVerifier: code_verifier ?? verifier, expectedState: state,
  })),

  refresh: async ({ refresh_token }) => token(await openid.refreshTokenGrant(config, refresh_token)),
  machine: async ({ scope }) => token(await openid.clientCredentialsGrant(config, { scope })),
  introspect: ({ token }) => openid.tokenIntrospection(config, token),

  async revoke({ token }) {
    await openid.tokenRevocation(config, token)
    return {}
  },

  async call({ url, token }) {
    const response = await openid.fetchProtectedResource(config, token, new URL(url), 'GET')
    return { status: response.status }
  },
})
