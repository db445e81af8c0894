// drive.mjs CHROMIUM: makes each visit to a docs page as a person would, with a
// profile of its own, and answers with what the browser saw.
import { chromium } from 'playwright-core'
import { answer } from '../../testdata/answer.mjs'

const browser = await chromium.launch({
  executablePath: process.argv[2],
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps',
  ],
})

// What the authorization server has no icon for, and the browser asks for by
// itself.
const isIcon = (url) => url.endsWith('/favicon.ico')

// watch collects what no page of the context may do in faults, and what the
// authorization server is asked in requests.
async function watch(context, site, seen) {
  await context.addInitScript(() => document.addEventListener('securitypolicyviolation', (e) => {
    console.error(`policy violation: ${e.violatedDirective} ${e.blockedURI} on ${location.pathname}`)
  }))
  context.on('weberror', (e) => seen.faults.push(`uncaught: ${e.error()}`))
  context.on('console', (message) => {
    const { url } = message.location()
    if (['error', 'warning'].includes(message.type()) && !isIcon(url)) seen.faults.push(`${message.text()} (${url})`)
  })
  context.on('request', (request) => {
    const { protocol, origin } = new URL(request.url())
    if (!['data:', 'about:', 'blob:'].includes(protocol) && origin !== site) seen.faults.push('request to ' + request.url())
  })
  context.on('response', (response) => {
    const request = response.request()
    const { pathname, search } = new URL(request.url())
    if (pathname !== '/authorize' && pathname !== '/oauth2/token') return
    seen.requests.push({
      method: request.method(), path: pathname, query: search.slice(1), status: response.status(),
      body: request.postData() ?? '', authorization: request.headers().authorization ?? '',
    })
  })
}

// cancel closes the dialog in which the browser asks for a password by itself,
// as a challenge of HTTP Basic makes it do.
async function cancel(context, page, seen) {
  const session = await context.newCDPSession(page)
  session.on('Fetch.requestPaused', ({ requestId }) => session.send('Fetch.continueRequest', { requestId }).catch(() => {}))
  session.on('Fetch.authRequired', ({ requestId }) => {
    seen.prompts++
    session.send('Fetch.continueWithAuth', { requestId, authChallengeResponse: { response: 'CancelAuth' } }).catch(() => {})
  })
  await session.send('Fetch.enable', { handleAuthRequests: true })
}

// The console says of every refusal that it is one.
const isRefusal = (calls) => (fault) => calls.some((call) => call.status >= 400 &&
  fault.startsWith(`Failed to load resource: the server responded with a status of ${call.status} `) && fault.endsWith(`(${call.url})`))

const press = (within, name) => within.getByRole('button', { name }).first().click()
const close = (page) => press(page.locator('.modal-ux'), 'Close')

// open shows the dialog, and returns its part for the scheme.
async function open(page, scheme) {
  await page.locator('.btn.authorize').click()
  const part = page.locator('.auth-container', { has: page.locator('h4', { hasText: new RegExp(`^${scheme}[^\\w-]`) }) })
  await part.waitFor()
  return part
}

async function authorize(page, visit, seen) {
  const part = await open(page, visit.scheme)
  for (const box of await part.locator('input[type=checkbox]').all()) {
    seen.scopes.push(await box.getAttribute('data-value') + (await box.isChecked() ? ' (suggested)' : ''))
  }
  for (const scope of visit.choose ?? []) await part.locator(`label[for^="${scope}-"]`).click()
  for (const [label, value] of Object.entries(visit.fields ?? {})) await part.getByLabel(label, { exact: true }).fill(value)
  seen.inputs = await part.locator('input').count()
  seen.says = await part.innerText()
  if (visit.screenshot) {
    await part.evaluate((node) => node.scrollIntoView())
    await page.screenshot({ path: visit.screenshot })
  }
  if (visit.user) {
    const [popup] = await Promise.all([page.waitForEvent('popup'), press(part, /^Apply/)])
    await popup.getByLabel('User name').fill(visit.user)
    await popup.getByLabel('Password').fill(visit.password)
    await Promise.all([popup.waitForEvent('close'), press(popup, 'Log in')])
  } else {
    await press(part, /^Apply/)
  }
  if (visit.refused) {
    seen.says = await part.locator('.errors').innerText()
    return
  }
  await part.getByRole('button', { name: 'Remove authorization' }).waitFor()
  await close(page)
}

async function logOut(page, scheme) {
  const part = await open(page, scheme)
  await press(part, 'Remove authorization')
  await part.getByRole('button', { name: /^Apply/ }).waitFor()
  await close(page)
}

// call executes an operation such as "GET /me", and adds what was sent and what
// the page shows.
async function call(page, site, { operation, fields, body }, seen) {
  const [method, path] = operation.split(' ')
  const block = page.locator(`.opblock-${method.toLowerCase()}`, { has: page.locator(`[data-path="${path}"]`) })
  if (!(await block.locator('.execute').isVisible())) {
    await block.locator('.opblock-summary-control').click()
    await press(block, 'Try it out')
  }
  let url = site + path
  for (const [name, value] of Object.entries(fields ?? {})) {
    await block.locator(`[data-param-name="${name}"], [data-property-name="${name}"]`).locator('input').fill(value)
    url = url.replace(`{${name}}`, value)
  }
  if (body) await block.locator('textarea.body-param__text').fill(body)
  const [response] = await Promise.all([
    page.waitForResponse((r) => r.url().split('?')[0] === url && r.request().method() === method),
    block.locator('.execute').click(),
  ])
  const headers = await response.request().allHeaders()
  const made = {
    operation, url: response.url(), status: response.status(), authorization: headers.authorization ?? '', key: headers['x-api-key'] ?? '', cookie: headers.cookie ?? '',
  }
  seen.calls.push(made)
  const row = block.locator('.live-responses-table tbody > .response', { has: page.locator('.response-col_status', { hasText: String(made.status) }) })
  made.shown = await row.locator('.response-col_description .microlight').first().textContent()
}

// misbehave does what watch has to notice.
async function misbehave(page, site) {
  const popup = page.waitForEvent('popup')
  await page.evaluate((elsewhere) => {
    document.body.append(Object.assign(document.createElement('script'), { textContent: '1' }))
    setTimeout(() => { throw new Error('on purpose') })
    open(elsewhere)
  }, site.replace('127.0.0.1', 'localhost'))
  await (await popup).waitForLoadState()
  await page.evaluate(() => fetch('/me'))
}

await answer(async (visit) => {
  const seen = { faults: [], scopes: [], calls: [], requests: [], prompts: 0 }
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 } })
  context.setDefaultTimeout(30_000)
  try {
    await watch(context, visit.site, seen)
    const page = await context.newPage()
    await cancel(context, page, seen)
    await page.goto(visit.site + '/docs/')
    await page.locator('.opblock').first().waitFor()
    if (visit.misbehave) await misbehave(page, visit.site)
    for (const one of visit.before ?? []) await call(page, visit.site, one, seen)
    if (visit.scheme) await authorize(page, visit, seen)
    for (const one of visit.calls ?? []) await call(page, visit.site, one, seen)
    if (visit.scheme && !visit.refused) {
      await logOut(page, visit.scheme)
      await call(page, visit.site, visit.calls[0], seen)
    }
  } catch (err) {
    seen.failed = err.stack
  } finally {
    await context.close()
  }
  const refused = isRefusal(seen.calls)
  return { ...seen, faults: seen.faults.filter((fault) => !refused(fault)) }
})
