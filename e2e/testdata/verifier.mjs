// Verifies access tokens as an API in Node does: with jose, and by oauth4webapi's
// profile of RFC 9068.
import * as jose from 'jose'
import * as oauth from 'oauth4webapi'
import { answer } from './answer.mjs'

let sets = new Map()

answer(async ({ library, token, issuer, audience, jwks_uri, secret }) => {
  if (library === 'oauth4webapi') {
    const request = new Request(audience, { headers: { authorization: `Bearer ${token}` } })
    const as = { issuer, jwks_uri }
    const options = { [oauth.allowInsecureRequests]: true }
    return { subject: (await oauth.validateJwtAccessToken(as, request, audience, options)).sub }
  }
  let key
  if (secret) {
    key = Buffer.from(secret, 'base64url')
  } else {
    key = sets.get(jwks_uri) ?? jose.createRemoteJWKSet(new URL(jwks_uri), { cooldownDuration: 0 })
    sets.set(jwks_uri, key)
  }
  const { payload } = await jose.jwtVerify(token, key, { issuer, audience, typ: 'at+jwt' })
  return { subject: payload.sub }
})
