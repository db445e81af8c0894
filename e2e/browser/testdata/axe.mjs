// axe-core on every page, as it looks by day, by night and on a small phone.
import assert from 'node:assert/strict'
import axe from 'axe-core'
import { authorization, badRequest, call, enter, forbidden, logIn } from './visit.mjs'

const looks = [
  { colorScheme: 'light', width: 760, height: 560 },
  { colorScheme: 'dark', width: 760, height: 560 },
  { colorScheme: 'light', width: 320, height: 640 },
]

// inspect expects no violation, and nothing that has to be scrolled sideways.
async function inspect(visit, page, name) {
  await page.evaluate(axe.source)
  for (const { colorScheme, ...size } of looks) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize(size)
    const where = `${name}-${colorScheme}-${size.width}`
    await visit.shot(page, where)
    const { violations, incomplete, passes } = await page.evaluate(() => window.axe.run())
    const found = [...violations, ...incomplete].map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html)}`)
    assert.deepEqual(found, [], where)
    assert.ok(passes.some(({ id }) => id === 'color-contrast'), `${where}: no contrast was measured`)
    const beyond = await page.evaluate(() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth)
    assert.equal(beyond, 0, `${where} is too wide`)
  }
}

const login = (visit, client = 'spa', redirect = visit.base + '/callback') => authorization(visit.base, client, redirect)

export const scenarios = {
  async 'axe: the login page'(visit) {
    const page = await visit.page()
    await page.goto(login(visit))
    await inspect(visit, page, 'login')
  },

  async 'axe: the login page after a wrong password'(visit) {
    visit.expect(forbidden)
    const page = await visit.page()
    await page.goto(login(visit))
    await enter(page, 'alice', 'x')
    await page.getByRole('alert').waitFor()
    await inspect(visit, page, 'wrong')
  },

  async 'axe: the error page'(visit) {
    visit.expect(badRequest)
    const page = await visit.page()
    await page.goto(visit.base + '/authorize?client_id=nobody')
    await inspect(visit, page, 'error')
  },

  async 'axe: the consent page'(visit) {
    const page = await visit.page()
    await page.goto(login(visit, 'cli', 'http://127.0.0.1:9/callback'))
    await enter(page, 'alice', 'wonderland')
    await page.getByRole('button', { name: 'Allow' }).waitFor()
    await inspect(visit, page, 'consent')
  },

  async 'axe: the application'(visit) {
    const page = await visit.page()
    await page.goto(visit.base + '/')
    await page.getByText('You are not logged in.').waitFor()
    await inspect(visit, page, 'start')
    await logIn(page, visit.base, 'alice', 'wonderland')
    await call(page, 'Who am I?')
    await inspect(visit, page, 'application')
  },

  async 'axe: the application after an answer that nobody asked for'(visit) {
    const page = await visit.page()
    await page.goto(visit.base + '/callback?code=x')
    await page.getByText('not started here').waitFor()
    await inspect(visit, page, 'callback')
  },
}
