import { answer } from '../../testdata/answer.mjs'

// serve answers {do: name, ...} by the function of that name.
export const serve = (functions) => answer(async ({ do: name, ...params }) => {
  try {
    return await functions[name](params)
  } catch (err) {
    return failure(err)
  }
})

// failure is what the server said, or else what the library thinks of it.
async function failure(err) {
  const response = err.response ?? err.cause?.response
  const status = err.status ?? response?.status
  if (err.error) return { error: err.error, status }
  if (response && !response.bodyUsed) {
    const { error } = await response.json().catch(() => ({}))
    if (error) return { error, status }
  }
  return { error: `${err.code}: ${err.message}`, status }
}

// signer is a private JWK as the libraries want it, and what they have to be told.
// They name an Ed25519 signature as RFC 9864 does, unless its alg says EdDSA.
export async function signer({ PrivateKeyJwt, modifyAssertion }, { kid, alg, use, ...material }) {
  const algorithms = {
    ES256: { name: 'ECDSA', namedCurve: 'P-256' },
    RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    PS256: { name: 'RSA-PSS', hash: 'SHA-256' },
    EdDSA: { name: 'Ed25519' },
    Ed25519: { name: 'Ed25519' },
  }
  const key = await crypto.subtle.importKey('jwk', material, algorithms[alg], false, ['sign'])
  return PrivateKeyJwt({ kid, key }, { [modifyAssertion]: (header) => { header.alg = alg } })
}
