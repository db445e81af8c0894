// What a page of another site cannot do with ours.
import assert from 'node:assert/strict'
import { authorization, enter, forbidden } from './visit.mjs'

const html = (body) => (request, response) => {
  response.setHeader('Content-Type', 'text/html')
  response.end(`<!doctype html><title>elsewhere</title>${body}`)
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;')

export const scenarios = {
  async 'O25 a page elsewhere cannot frame the login'(visit) {
    visit.expect(/frame-ancestors 'none'/)
    const page = await visit.page()
    const url = authorization(visit.base, 'spa', visit.base + '/callback')
    const origin = await visit.listen(html(`<iframe src="${escaped(url)}"></iframe>`))
    await page.goto(origin)
    await page.waitForLoadState('networkidle')
    assert.equal(await page.frameLocator('iframe').getByLabel('Password').count(), 0)
    await page.goto(url)
    assert.equal(await page.getByLabel('Password').count(), 1)
  },

  async 'O26 a form elsewhere cannot log anybody in'(visit) {
    visit.expect(forbidden)
    const attacker = await visit.page()
    const url = authorization(visit.base, 'spa', visit.base + '/callback')
    await attacker.goto(url)
    const fields = await attacker.locator('input[type=hidden]').evaluateAll((list) => list.map(({ name, value }) => [name, value]))
    const inputs = [...fields, ['username', 'bob'], ['password', 'builder']]
      .map(([name, value]) => `<input name="${name}" value="${escaped(value)}">`).join('')
    const origin = await visit.listen(html(`<form method="post" action="${visit.base}/authorize">${inputs}<button>Win a prize</button></form>`))

    const page = await visit.page()
    await page.goto(url)
    await page.goto(origin)
    await page.getByRole('button').click()
    await page.getByRole('alert').waitFor()
    assert.match(await page.getByRole('alert').textContent(), /sent from elsewhere/)
    assert.ok(!(await page.context().cookies()).some(({ name }) => name.includes('session')))
    await page.getByRole('link', { name: 'Try again' }).click()
    await page.getByLabel('Password').waitFor()
    await enter(attacker, 'bob', 'builder')
    await attacker.waitForURL(visit.base + '/**')
  },
}
