// An OpenID provider on loopback. Its resource servers' names end with how their
// tokens are to be: "jwt" or "opaque".
import { createServer } from 'node:http'
import { once } from 'node:events'
import Provider, { errors } from 'oidc-provider'
import { answer } from './answer.mjs'

const resource = (ctx, name) => {
  const accessTokenFormat = name.split('/').pop()
  if (!['jwt', 'opaque'].includes(accessTokenFormat)) throw new errors.InvalidTarget()
  return {
    accessTokenFormat,
    accessTokenTTL: 3600,
    scope: 'orders:read orders:write',
    jwt: { sign: { alg: 'ES256' } },
  }
}

answer(async ({ port, keys, clients }) => {
  const server = createServer()
  await once(server.listen(port, '127.0.0.1'), 'listening')
  const issuer = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(issuer, {
    jwks: { keys },
    clients: clients.map((client) => ({
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      id_token_signed_response_alg: 'ES256',
      ...client,
    })),
    scopes: ['orders:read', 'orders:write'],
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, getResourceServerInfo: resource, defaultResource: () => undefined },
    },
  })
  server.on('request', provider.callback())
  return { issuer }
})
