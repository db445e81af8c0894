import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

export const launch = (executablePath) => chromium.launch({
  executablePath,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps',
  ],
})

// Visit is a person's with a profile of their own, and what the browser did
// meanwhile.
export class Visit {
  #browser
  #folder
  #ends = []
  #requests = []
  #complaints = []
  #expected = []
  #origins

  constructor(browser, base, folder) {
    this.#browser = browser
    this.#folder = folder
    this.base = base
    this.#origins = new Set([base])
  }

  async open(options = {}) {
    const context = await this.#browser.newContext({ viewport: { width: 1000, height: 760 }, ...options })
    this.#ends.push(() => context.close())
    context.setDefaultTimeout(30_000)
    context.on('request', (request) => this.#requests.push(`${request.method()} ${request.url()}`))
    context.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.#complaints.push(`${message.text()} (${message.location().url})`)
    })
    context.on('weberror', (error) => this.#complaints.push(`uncaught: ${error.error()}`))
    return context
  }

  // page is the first page of a new profile.
  async page(options) {
    const context = await this.open(options)
    return context.newPage()
  }

  // expect lists what has to be on the console, which says of a refusal itself
  // that it is one.
  expect(...patterns) {
    this.#expected.push(...patterns)
  }

  // listen is a server elsewhere.
  async listen(handler, host = '127.0.0.1') {
    const server = createServer(handler)
    await new Promise((resolve, reject) => server.on('error', reject).listen(0, host, resolve))
    this.#ends.push(() => { server.close(); server.closeAllConnections() })
    const origin = `http://${host.includes(':') ? `[${host}]` : host}:${server.address().port}`
    this.#origins.add(origin)
    return origin
  }

  async shot(page, name) {
    if (this.#folder) await page.screenshot({ path: join(this.#folder, `${name}.png`) })
  }

  check() {
    const strangers = this.#requests.filter((line) => !this.#origins.has(new URL(line.split(' ')[1]).origin))
    assert.deepEqual(strangers, [], 'requests to another host')
    const left = [...this.#complaints]
    for (const pattern of this.#expected) {
      const i = left.findIndex((line) => pattern.test(line))
      assert.notEqual(i, -1, `nothing on the console like ${pattern}`)
      left.splice(i, 1)
    }
    assert.deepEqual(left, [], 'complaints on the console')
  }

  story() {
    return [...this.#requests, ...this.#complaints].join('\n')
  }

  async end() {
    for (const end of this.#ends.reverse()) await end()
  }
}

export const forbidden = /status of 403/
export const badRequest = /status of 400/

// A verifier of RFC 7636, and its challenge.
export const verifier = 'v'.repeat(43)
const challenge = createHash('sha256').update(verifier).digest('base64url')

// authorization is the URL of an authorization request.
export function authorization(base, client, redirect, more = {}) {
  return `${base}/authorize?` + new URLSearchParams({
    response_type: 'code', client_id: client, redirect_uri: redirect, state: 'st&te=1', scope: 'orders:read offline_access',
    code_challenge: challenge, code_challenge_method: 'S256', ...more,
  })
}

// enter fills in the login form as a person who clicks.
export async function enter(page, username, password, { stay = false } = {}) {
  await page.getByLabel('User name').fill(username)
  await page.getByLabel('Password').fill(password)
  if (stay) await page.getByLabel('Stay signed in').check()
  await page.getByRole('button', { name: 'Log in' }).click()
}

export async function loggedIn(page) {
  await page.getByText('You are logged in.').waitFor()
  assert.equal(new URL(page.url()).pathname, '/')
}

// logIn goes from the start to the end of a login.
export async function logIn(page, base, username, password, options) {
  await page.goto(base + '/')
  await page.getByRole('button', { name: 'Log in' }).click()
  await enter(page, username, password, options)
  await loggedIn(page)
}

// call presses a button of the API and waits for the answer.
export async function call(page, name) {
  const before = await page.locator('#answer').textContent()
  await page.getByRole('button', { name, exact: true }).click()
  await page.waitForFunction((text) => !['', text].includes(document.getElementById('answer').textContent), before)
  return page.locator('#answer').textContent()
}

export async function claims(page) {
  return JSON.parse(await page.locator('#claims').textContent())
}
