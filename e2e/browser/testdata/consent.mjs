// What a native client may have, which listens on loopback.
import assert from 'node:assert/strict'
import { authorization, enter, logIn, verifier } from './visit.mjs'

async function native(visit, host) {
  const arrived = []
  const origin = await visit.listen((request, response) => {
    if (request.url.startsWith('/callback')) arrived.push({ method: request.method, headers: request.headers, url: new URL(request.url, origin) })
    response.end('<!doctype html><title>Back in the command line</title>')
  }, host)
  return { redirect: origin + '/callback', arrived }
}

async function redeem(visit, code, redirect) {
  const response = await fetch(visit.base + '/oauth2/token', {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'authorization_code', client_id: 'cli', code, redirect_uri: redirect, code_verifier: verifier }),
  })
  return response.json()
}

async function allowed(visit, host) {
  const page = await visit.page()
  const { redirect, arrived } = await native(visit, host)
  await page.goto(authorization(visit.base, 'cli', redirect))
  await enter(page, 'alice', 'wonderland')
  await page.getByRole('heading', { name: 'Allow access?' }).waitFor()
  assert.deepEqual(await page.getByRole('listitem').allTextContents(), ['See your orders (orders:read)', 'Stay connected when you are away (offline_access)'])
  assert.match(await page.getByRole('main').textContent(), /The command line.*Orders.*logged in as alice/s)
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.waitForURL(redirect + '?**')
  assert.equal(arrived.length, 1)
  const [{ method, headers, url }] = arrived
  assert.deepEqual([method, headers.referer, url.searchParams.get('state'), url.searchParams.get('iss')], ['GET', undefined, 'st&te=1', visit.base])
  const tokens = await redeem(visit, url.searchParams.get('code'), redirect)
  assert.equal(tokens.scope, 'orders:read offline_access')
  assert.ok(tokens.access_token && tokens.refresh_token)
}

export const scenarios = {
  'consent to a native client': (visit) => allowed(visit),
  'consent to a native client on IPv6': (visit) => allowed(visit, '::1'),

  async 'consent refused'(visit) {
    const page = await visit.page()
    const { redirect, arrived } = await native(visit)
    await page.goto(authorization(visit.base, 'cli', redirect))
    await enter(page, 'alice', 'wonderland')
    await page.getByRole('button', { name: 'Refuse' }).click()
    await page.waitForURL(redirect + '?**')
    const { searchParams } = arrived[0].url
    assert.deepEqual([searchParams.get('error'), searchParams.get('state'), searchParams.has('code')], ['access_denied', 'st&te=1', false])
  },

  async 'a native client of someone who is signed in asks for consent alone'(visit) {
    const page = await visit.page()
    await logIn(page, visit.base, 'bob', 'builder', { stay: true })
    const { redirect, arrived } = await native(visit)
    await page.goto(authorization(visit.base, 'cli', redirect))
    await page.getByText('You are logged in as bob.').waitFor()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(redirect + '?**')
    assert.equal(arrived.length, 1)
  },

  async 'back from the client to the consent page'(visit) {
    const page = await visit.page()
    const { redirect, arrived } = await native(visit)
    await page.goto(authorization(visit.base, 'cli', redirect))
    await enter(page, 'alice', 'wonderland')
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(redirect + '?**')
    await page.goBack() // to a login that was for one answer alone
    await enter(page, 'alice', 'wonderland')
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(redirect + '?**')
    assert.equal(new Set(arrived.map(({ url }) => url.searchParams.get('code'))).size, 2)
  },

  async 'a client that goes on to another origin of its own'(visit) {
    const page = await visit.page()
    const home = await visit.listen((request, response) => response.end('<!doctype html><title>Home</title>'))
    const origin = await visit.listen((request, response) => response.writeHead(302, { Location: home + '/home' }).end())
    await page.goto(authorization(visit.base, 'cli', origin + '/callback'))
    await enter(page, 'alice', 'wonderland')
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(home + '/home')
  },
}
