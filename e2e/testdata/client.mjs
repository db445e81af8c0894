// A client of oauth4webapi: gets a token and calls the API with it.
import * as oauth from 'oauth4webapi'
import { answer } from './answer.mjs'

const options = { [oauth.allowInsecureRequests]: true }
const methods = {
  client_secret_basic: oauth.ClientSecretBasic,
  client_secret_post: oauth.ClientSecretPost,
}

answer(async ({ issuer, token_endpoint, client_id, client_secret, method, scope, resource }) => {
  const as = { issuer, token_endpoint }
  const client = { client_id }
  let token
  try {
    const res = await oauth.clientCredentialsGrantRequest(as, client, methods[method](client_secret), { scope }, options)
    token = await oauth.processClientCredentialsResponse(as, client, res)
  } catch (err) {
    const challenge = err.cause?.[0]
    return { error: err.code, status: err.status ?? err.response?.status, challenge: challenge?.scheme }
  }
  const res = await oauth.protectedResourceRequest(token.access_token, 'GET', new URL(resource), undefined, undefined, options)
  return { status: res.status, scope: token.scope, token_type: token.token_type, body: await res.json() }
})
